package desk

import (
	"context"
	"maps"
	"slices"
)

// listOf names the list of the desk that a privileged change of this name changes; none for what no list shows to everybody who reads it.
func listOf() map[string]string {
	return map[string]string{
		"department.created": "departments", "department.updated": "departments", "department.deleted": "departments",
		"agent.set_up": "agents", "agent.created": "agents", "agent.updated": "agents", "agent.disabled": "agents", "agent.enabled": "agents",
		"account.created": "accounts", "account.updated": "accounts", "account.disabled": "accounts", "account.enabled": "accounts",
		"end_reason.created": "end_reasons", "end_reason.updated": "end_reasons",
		"break_reason.created": "break_reasons", "break_reason.updated": "break_reasons",
		"canned_reply.created": "canned_replies", "canned_reply.updated": "canned_replies", "canned_reply.deleted": "canned_replies",
	}
}

// Versions tells of each list that people change how often the desk was changed when it last was: whoever read a list after a version
// of it has all that the version has, and a list changes with its version. What an agent keeps for themselves, and what happens without
// anybody's change (presences, states of accounts), is not in them.
func (d *Desk) Versions(ctx context.Context) (map[string]int64, error) {
	lists := listOf()
	newest, err := d.store.NewestAudits(ctx, slices.Collect(maps.Keys(lists)))
	if err != nil {
		return nil, err
	}
	versions := map[string]int64{}
	for action, list := range lists {
		versions[list] = max(versions[list], newest[action])
	}
	return versions, nil
}

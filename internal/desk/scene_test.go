package desk_test

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
	"gatehouse/templates"
)

// texts is a thread in one line.
func texts(thread []chat.ThreadMessage) string {
	var out []string
	for _, m := range thread {
		out = append(out, m.Text)
	}
	return strings.Join(out, "|")
}

func has[T comparable](list []T, v T) bool { return slices.Contains(list, v) }

// tally is a store that counts the lane's transactions.
type tally struct {
	*postgres.Store
	drains int
}

func (s *tally) DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error) {
	s.drains++
	return s.Store.DrainLane(ctx, account, limit, lane)
}

// greeting is an approved template with one variable.
func greeting() templates.Template {
	return templates.Template{
		Name: "greeting", Language: "tr", Category: templates.Utility, Status: templates.StatusApproved, ParameterFormat: templates.Named,
		Components: []templates.Component{{Type: templates.Body, Text: "Merhaba {{first_name}}, siparişiniz hazır."}},
	}
}

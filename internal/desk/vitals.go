package desk

import (
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
)

type vitalsStore interface {
	// Gauges asks how things stand now, without the queues, and in which lines somebody waits.
	Gauges(ctx context.Context) (vitals.Gauges, []vitals.Line, error)
	// VitalMinutes are the minutes of the last while, at most a day, in order.
	VitalMinutes(ctx context.Context, within time.Duration) ([]vitals.Minute, error)
	// VitalNodes are the processes that were heard of within a day, and the record's time.
	VitalNodes(ctx context.Context) (time.Time, []vitals.Node, error)
	// AccountSigns is how each account does.
	AccountSigns(ctx context.Context) ([]vitals.Account, error)
	// TroubledEvents are raw events that somebody has to look at, the latest first.
	TroubledEvents(ctx context.Context, most int) (aside, unrouted []vitals.Event, err error)
	// ReplayEvents puts the named events into their lanes and returns whose lanes these are, once for each event.
	ReplayEvents(ctx context.Context, by chat.Audit, events []chat.InboundEventID) ([]chat.AccountID, error)
	// DismissEvents has it that nothing will mend the named poison, and returns how much of it was due.
	DismissEvents(ctx context.Context, by chat.Audit, events []chat.InboundEventID) (int64, error)
}

// Vitals is the state of the whole house, what of it needs somebody, the worst first, and the raw events to look at.
type Vitals struct {
	vitals.State
	Signs           []vitals.Sign
	Aside, Unrouted []vitals.Event // at most TroubledShown each, discreet
}

const (
	// TroubledShown is how many raw events of each kind Vitals tells of.
	TroubledShown = 50
	// judgedOver is how far back the law of vital signs looks.
	judgedOver = 6 * time.Hour
)

// Vitals tells how the house does, with the minutes of the last while, at most a day. It is for those who see everything.
func (d *Desk) Vitals(ctx context.Context, p chat.Principal, within time.Duration) (v Vitals, err error) {
	if err := p.Need(chat.PermissionSeeAll); err != nil {
		return v, err
	}
	if v.Now, v.Nodes, err = d.store.VitalNodes(ctx); err != nil {
		return v, err
	}
	if v.Gauges, v.Lines, err = d.store.Gauges(ctx); err != nil {
		return v, err
	}
	if v.Minutes, err = d.store.VitalMinutes(ctx, max(within, judgedOver)); err != nil {
		return v, err
	}
	if n := len(v.Minutes); n > 0 && v.Minutes[n-1].Gauges != nil {
		v.Queues = v.Minutes[n-1].Gauges.Queues
	} else if n > 1 && v.Minutes[n-2].Gauges != nil {
		v.Queues = v.Minutes[n-2].Gauges.Queues
	}
	if v.Accounts, err = d.store.AccountSigns(ctx); err != nil {
		return v, err
	}
	if v.Aside, v.Unrouted, err = d.store.TroubledEvents(ctx, TroubledShown); err != nil {
		return v, err
	}
	for _, events := range [][]vitals.Event{v.Aside, v.Unrouted} {
		for i := range events {
			events[i].Why, events[i].Key = vitals.Discreet(events[i].Why), vitals.Discreet(events[i].Key)
		}
	}
	v.Signs = vitals.Judge(v.State)
	return v, nil
}

// ReplayEvents puts raw events into their lanes again: poison after the mend, and those of accounts that were unknown when they
// came. It tells how many it put back: an event of an account that is still unknown stays where it is.
func (d *Desk) ReplayEvents(ctx context.Context, p chat.Principal, events []chat.InboundEventID) (int, error) {
	by, err := overEvents(p, "event.replayed", events)
	if err != nil {
		return 0, err
	}
	accounts, err := d.store.ReplayEvents(ctx, by, events)
	if err != nil {
		return 0, err
	}
	rung := map[chat.AccountID]bool{}
	for _, a := range accounts {
		if !rung[a] {
			rung[a] = true
			d.ring(ctx, task.Ingest, a)
		}
	}
	return len(accounts), nil
}

// DismissEvents has it that nothing will mend some poison: it is due no more, and nobody is told of it again. It tells how many
// these were.
func (d *Desk) DismissEvents(ctx context.Context, p chat.Principal, events []chat.InboundEventID) (int, error) {
	by, err := overEvents(p, "event.dismissed", events)
	if err != nil {
		return 0, err
	}
	n, err := d.store.DismissEvents(ctx, by, events)
	return int(n), err
}

// overEvents is the trace of what somebody who may does to raw events.
func overEvents(p chat.Principal, action string, events []chat.InboundEventID) (by chat.Audit, err error) {
	if err := p.Need(chat.PermissionSeeAll); err != nil {
		return by, err
	}
	if len(events) == 0 || len(events) > 2*TroubledShown {
		return by, chat.Errorf(chat.CodeInvalid, "from 1 to %d events", 2*TroubledShown).With("field", "events")
	}
	return chat.Audited(p, action, events[0], "").With("events", len(events)), nil
}

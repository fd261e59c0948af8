package window

import "time"

// State is what the record knows of one conversation. Its verbs only ever move a time forward, so they can be applied in
// any order and any number of times: a replayed webhook changes nothing.
type State struct {
	// OpenedAt is the effective time of the contact's last message; zero: the contact never wrote.
	OpenedAt time.Time
	// ShutAt is when the provider refused us as outside its window; zero: never. It overrules our clock for everything
	// that was opened at or before it.
	ShutAt time.Time
	// FreeEntryUntil is the provider's end of a free entry point; zero: none. It concerns the price only.
	FreeEntryUntil time.Time
	// OptedOut is when the contact asked not to be messaged; zero: never. It holds until the contact writes after it.
	OptedOut time.Time
}

// Skew is how far ahead of ours another clock may run before we stop believing it.
const Skew = 15 * time.Minute

// beforeMessaging is 1 January 2009, before the oldest of the channels existed: no message is older.
const beforeMessaging = 1230768000

// Effective returns the time, in UTC, at which an inbound event counts as having happened: the earlier of the provider's
// and ours. A provider's time that cannot be true (zero, before 2009, more than Skew after we received it, as
// milliseconds read as seconds would be) is replaced by ours and flagged.
func Effective(providerAt, receivedAt time.Time) (at time.Time, flagged bool) {
	switch {
	case providerAt.Before(time.Unix(beforeMessaging, 0)), providerAt.After(receivedAt.Add(Skew)):
		return receivedAt.UTC(), true
	case providerAt.After(receivedAt):
		return receivedAt.UTC(), false
	default:
		return providerAt.UTC(), false
	}
}

// Advance applies something that the contact did and that opens the window: a message, a call or a postback. Reactions,
// receipts, system notices and echoes of our own messages do not, and must not be passed. A late or replayed event neither
// re-opens the window nor shrinks it; receivedAt is when the event first came in, not when it was parsed or replayed.
func Advance(old State, providerAt, receivedAt time.Time) State {
	at, _ := Effective(providerAt, receivedAt)
	old.OpenedAt = latest(old.OpenedAt, at)
	return old
}

// Refuse applies the provider's own refusal (WhatsApp 131047, Instagram 10/2534022) of a message that we sent at the
// given time; a provider's time goes through Effective first. The window, and the time left to a person, are shut from
// then on for everything that the contact wrote up to then; what they write later opens it again.
func (s State) Refuse(at time.Time) State {
	s.ShutAt = latest(s.ShutAt, at)
	return s
}

// OptOut applies the contact's wish, at the given time, not to be messaged.
func (s State) OptOut(at time.Time) State {
	s.OptedOut = latest(s.OptedOut, at)
	return s
}

// Free applies the end of a free entry point, as the provider's receipts state it.
func (s State) Free(until time.Time) State {
	s.FreeEntryUntil = latest(s.FreeEntryUntil, until)
	return s
}

// answerable tells whether now lies within span of the contact's last message. A message from further ahead than Skew
// proves that a clock is wrong and opens nothing.
func (s State) answerable(now time.Time, span time.Duration) bool {
	return !s.shut() && s.OpenedAt.Sub(now) <= Skew && now.Before(s.OpenedAt.Add(span))
}

// shut tells whether the contact has not written since the provider's refusal, or never wrote at all.
func (s State) shut() bool { return !s.OpenedAt.After(s.ShutAt) }

// optedOut tells whether the contact's wish stands: they have not written after it.
func (s State) optedOut() bool { return !s.OptedOut.IsZero() && !s.OpenedAt.After(s.OptedOut) }

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		a = b
	}
	return a.UTC()
}

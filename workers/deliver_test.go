package workers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/postgres"
)

func TestWhatIsDueIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	var said []chat.MessageID
	for i := range 12 {
		said = append(said, h.Say(h.agent, h.talk(i), fmt.Sprint(i)).ID)
	}
	var wg sync.WaitGroup
	for range 4 { // as many wakes as there may be
		wg.Go(h.deliver)
	}
	wg.Wait()
	got := h.texts()
	slices.Sort(got)
	if len(got) != 12 || len(slices.Compact(got)) != 12 {
		t.Errorf("handed over %v", got)
	}
	for _, id := range said {
		if m := h.Message(id); m.Status != chat.StatusSent || m.ExternalID != "out."+id.String() {
			t.Errorf("%+v", m.Message)
		}
	}
}

func TestAnAnswerThatIsNotSureIsNotConfirmedAndNothingIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(context.Context, chat.Outbound) (chat.Receipt, error){
		"lost": func(context.Context, chat.Outbound) (chat.Receipt, error) { return chat.Receipt{}, errNobodyKnows },
		"timeout": func(context.Context, chat.Outbound) (chat.Receipt, error) {
			return chat.Receipt{}, context.DeadlineExceeded
		},
		"panic": func(context.Context, chat.Outbound) (chat.Receipt, error) { panic("as it was told") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, desktest.Shared(t))
			h.answer = answer
			c := h.talk(1)
			first, second := h.Say(h.agent, c, "first"), h.Say(h.agent, c, "second")
			h.deliver()
			h.deliver()
			for _, m := range []chat.ThreadMessage{first, second} {
				if got := h.Message(m.ID); got.Status != chat.StatusUnknown || got.Error == nil || got.Error.Code != chat.CodeNotConfirmed {
					t.Errorf("%s is %s, %+v", m.Text, got.Status, got.Error)
				}
			}
			if got := h.texts(); !slices.Equal(got, []string{"first", "second"}) {
				t.Errorf("handed over %v", got)
			}
		})
	}
}

func TestOnlyWhatWasSurelyNotSentIsTriedAgain(t *testing.T) {
	t.Parallel()
	for retry, want := range map[chat.Retry]chat.MessageStatus{
		chat.RetryNever: chat.StatusFailed, chat.RetryMessage: chat.StatusSent, chat.RetryPair: chat.StatusSent, chat.RetryAccount: chat.StatusSent,
	} {
		t.Run(string(retry), func(t *testing.T) {
			t.Parallel()
			h := build(t, desktest.Shared(t))
			refuse := true
			h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
				if refuse {
					return chat.Receipt{}, &chat.SendError{Code: chat.CodeThrottledNumber, Retry: retry}
				}
				return accept(ctx, o)
			}
			m := h.Say(h.agent, h.talk(1), "hi")
			h.deliver()
			refuse = false
			h.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1 AND status = 'pending'`, m.ID)
			h.Exec(`UPDATE send_lanes SET paused_until = NULL WHERE account_id = $1`, h.Account)
			h.Exec(`UPDATE conversations SET pair_blocked_until = NULL WHERE account_id = $1`, h.Account)
			h.deliver()
			if got := h.status(m.ID); got != want {
				t.Errorf("it is %s", got)
			}
		})
	}
}

func TestAThrottledAccountWaitsAndComesAgainByItself(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	var calls atomic.Int32
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		if calls.Add(1) == 1 {
			return chat.Receipt{}, &chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount, After: 3}
		}
		return accept(ctx, o)
	}
	one, two := h.talk(1), h.talk(2)
	first := h.Say(h.agent, one, "first")
	h.deliver()
	start := time.Now()
	second := h.Say(h.agent, two, "second")
	h.deliver() // finds the account paused, and goes away
	if n := calls.Load(); n != 1 {
		t.Fatalf("%d were handed over while the account paused", n)
	}
	eventually(t, "both are sent", func() bool { return h.status(first.ID) == chat.StatusSent && h.status(second.ID) == chat.StatusSent })
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("after %v", took)
	}
}

func TestTheMessagesOfAConversationGoInTheirOrderHoweverSlowTheProvider(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	var mu sync.Mutex
	flying, most := map[string]int{}, 0
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		to := o.To[0].Value
		mu.Lock()
		flying[to]++
		most = max(most, flying[to])
		mu.Unlock()
		pause(ctx, time.Duration(len(o.Text))*time.Millisecond)
		mu.Lock()
		flying[to]--
		mu.Unlock()
		return accept(ctx, o)
	}
	want := map[string][]string{}
	for n := range 4 {
		c := h.talk(n)
		for i := range 6 {
			text := fmt.Sprintf("%d.%d", n, i)
			want[h.Phone(n)] = append(want[h.Phone(n)], text)
			h.Say(h.agent, c, text)
		}
	}
	h.deliver()
	got := map[string][]string{}
	for _, o := range h.got {
		got[o.To[0].Value] = append(got[o.To[0].Value], o.Text)
	}
	for phone, texts := range want {
		if !slices.Equal(got[phone], texts) {
			t.Errorf("%s got %v", phone, got[phone])
		}
	}
	if most != 1 {
		t.Errorf("%d of a conversation were on their way at once", most)
	}
}

func TestASendThatHangsHoldsUpNoOtherConversation(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	hangs, proceed := make(chan struct{}), make(chan struct{})
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		if o.Text == "hangs" {
			close(hangs)
			waitFor(ctx, proceed)
		}
		return accept(ctx, o)
	}
	one, two := h.talk(1), h.talk(2)
	slow := h.Say(h.agent, one, "hangs")
	h.workers.Wake(t.Context(), h.wake())
	<-hangs
	behind, beside := h.Say(h.agent, one, "behind it"), h.Say(h.agent, two, "beside it")
	h.workers.Wake(t.Context(), h.wake())
	eventually(t, "the other conversation's message is sent", func() bool { return h.status(beside.ID) == chat.StatusSent })
	if got := h.status(behind.ID); got != chat.StatusPending {
		t.Errorf("the one behind it is %s", got)
	}
	close(proceed)
	eventually(t, "all are sent", func() bool {
		return h.status(slow.ID) == chat.StatusSent && h.status(behind.ID) == chat.StatusSent
	})
}

// gate is a provider that hangs until it is told what to answer, and counts what it holds.
type gate struct {
	mu          sync.Mutex
	held, asked int
	pass        chan func(context.Context, chat.Outbound) (chat.Receipt, error)
}

func (g *gate) answer(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
	g.count(1)
	defer g.count(-1)
	select {
	case how := <-g.pass:
		return how(ctx, o)
	case <-ctx.Done():
		return chat.Receipt{}, ctx.Err()
	}
}

func (g *gate) count(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.asked = g.held+n, g.asked+max(n, 0)
}

func (g *gate) sees(held, asked int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held == held && g.asked == asked
}

func TestAnAccountWhoseProviderHangsHoldsNoMoreMessagesThanItHasPlaces(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	h.workers.patience = 1 // a provider that owes an answer is silent at once
	g := &gate{pass: make(chan func(context.Context, chat.Outbound) (chat.Receipt, error))}
	h.answer = g.answer
	say := func(from, to int) (ids []chat.MessageID) {
		for n := from; n < to; n++ {
			ids = append(ids, h.Say(h.agent, h.talk(n), fmt.Sprint(n)).ID)
		}
		return ids
	}
	claimed := func() int {
		return h.Int(`SELECT count(*) FROM messages WHERE account_id = $1 AND status = 'sending'`, h.Account)
	}
	holds := func(held, asked int) {
		t.Helper()
		eventually(t, fmt.Sprintf("it holds %d, of %d that it was ever given", held, asked), func() bool { return g.sees(held, asked) })
		if n := claimed(); n != held {
			t.Errorf("%d are claimed for %d places", n, held)
		}
	}
	lost := func(context.Context, chat.Outbound) (chat.Receipt, error) { return chat.Receipt{}, errNobodyKnows }

	ids := say(0, silentMost-1)
	h.workers.Wake(t.Context(), h.wake())
	holds(silentMost-1, silentMost-1)
	ids = append(ids, say(silentMost-1, 4*silentMost)...)
	h.workers.Wake(t.Context(), h.wake())
	holds(silentMost, silentMost)
	for n := range 2 * silentMost { // what it never answers makes room for as many, and for no more
		g.pass <- lost
		holds(silentMost, silentMost+n+1)
	}
	for range ids[2*silentMost:] {
		g.pass <- accept
	}
	eventually(t, "all have ended", func() bool {
		return h.Int(`SELECT count(*) FROM messages WHERE account_id = $1 AND status IN ('pending', 'sending')`, h.Account) == 0
	})
	of := map[chat.MessageStatus]int{}
	for _, id := range ids {
		of[h.status(id)]++
	}
	if of[chat.StatusUnknown] != 2*silentMost || of[chat.StatusSent] != len(ids)-2*silentMost || len(h.texts()) != len(ids) {
		t.Errorf("%v, handed over %d of %d", of, len(h.texts()), len(ids))
	}
}

// The figures of a flight, which no provider is needed for.
func TestThereIsRoomForAClaimWhereAProviderAnswersAndLittleWhereItIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := flight{patience: silence}
		expect := func(what string, room int) {
			t.Helper()
			if got := f.room(); got != room {
				t.Errorf("%s there is room for %d, not %d", what, got, room)
			}
		}
		done := func(n int, s chat.MessageStatus) { f.landed(slices.Repeat([]chat.Outcome{{Status: s}}, n)) }
		pause(t.Context(), 2*silence)
		expect("where nothing was asked", claimMost)
		for range flyingMost / claimMost {
			expect("while the provider owes no answer for long", claimMost)
			f.took(claimMost)
		}
		expect("where all places are taken", 0)
		done(claimMost-1, chat.StatusSent)
		expect("where less than a claim would bring is free", 0)
		done(1, chat.StatusSent)
		expect("where a claim's worth is free", claimMost)
		pause(t.Context(), 2*silence)
		expect("where a silent provider holds more than it should", 0)
		done(flyingMost-claimMost-3, chat.StatusUnknown)
		expect("where three have not landed", silentMost-3)
		done(3, chat.StatusUnknown)
		expect("where nothing of it was confirmed", silentMost)
		f.took(silentMost)
		done(1, chat.StatusFailed)
		expect("where the provider answers, be it no", claimMost)
		pause(t.Context(), silence/2)
		done(silentMost-1, chat.StatusSent)
		pause(t.Context(), 2*silence)
		expect("where all is answered", claimMost)
	})
}

// waitFor waits as a provider does, which a test that fails must not do for ever.
func waitFor(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

// flaky is a store that is away when outcomes are to be written.
type flaky struct {
	*postgres.Store
	away atomic.Int32
}

func (s *flaky) Settle(ctx context.Context, id chat.AccountID, all []chat.Outcome, decide func(chat.LaneState) *chat.Write) ([]chat.MessageID, bool, error) {
	if s.away.Add(-1) >= 0 {
		return nil, false, chat.Errorf(chat.CodeUnavailable, "as it was told")
	}
	return s.Store.Settle(ctx, id, all, decide)
}

func TestAnOutcomeIsKeptUntilTheRecordIsBack(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	store := &flaky{Store: w.Store}
	store.away.Store(2)
	w.Use(desktest.Channel(nil), store)
	h := build(t, w)
	m := h.Say(h.agent, h.talk(1), "hi")
	h.deliver()
	if got := h.texts(); h.status(m.ID) != chat.StatusSent || len(got) != 1 {
		t.Errorf("%s, handed over %v", h.status(m.ID), got)
	}
}

func TestAClaimThatWasGivenUpMeanwhileStaysNotConfirmed(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.New(t))
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		h.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1`, o.MessageID)
		if due, err := h.Desk.Due(ctx, time.Hour); err != nil || due.Lost != 1 {
			t.Errorf("%+v, %v", due, err)
		}
		return accept(ctx, o)
	}
	m := h.Say(h.agent, h.talk(1), "hi")
	h.deliver()
	if got := h.status(m.ID); got != chat.StatusUnknown {
		t.Errorf("it is %s", got)
	}
	if h.Count("delivered stale") != 1 || len(h.texts()) != 1 {
		t.Errorf("counted %v, handed over %v", h.Counted, h.texts())
	}
}

func TestStoppingWaitsForTheAnswerAndBeginsNothingNew(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	entered, proceed := make(chan struct{}, 10), make(chan struct{})
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		entered <- struct{}{}
		waitFor(ctx, proceed)
		if ctx.Err() != nil {
			t.Error("the send was cut off")
		}
		return accept(ctx, o)
	}
	c := h.talk(1)
	first, second := h.Say(h.agent, c, "first"), h.Say(h.agent, c, "second")
	h.workers.Wake(t.Context(), h.wake())
	<-entered
	stopped := make(chan struct{})
	go func() { h.stop(time.Minute); close(stopped) }()
	eventually(t, "it stops", h.workers.run.stopping)
	select {
	case <-stopped:
		t.Error("stopped while an answer was awaited")
	default:
	}
	close(proceed)
	<-stopped
	if a, b := h.status(first.ID), h.status(second.ID); a != chat.StatusSent || b != chat.StatusPending {
		t.Errorf("the first is %s, the second %s", a, b)
	}
}

func TestWithoutMorePatienceAMessageCountsAsNotConfirmedAtOnce(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	entered := make(chan struct{})
	h.answer = func(ctx context.Context, _ chat.Outbound) (chat.Receipt, error) {
		close(entered)
		<-ctx.Done()
		return chat.Receipt{}, ctx.Err()
	}
	m := h.Say(h.agent, h.talk(1), "hi")
	h.workers.Wake(t.Context(), h.wake())
	<-entered
	start := time.Now()
	h.stop(50 * time.Millisecond)
	if took := time.Since(start); took > sendLimit/2 {
		t.Errorf("stopping took %v", took)
	}
	if got := h.status(m.ID); got != chat.StatusUnknown {
		t.Errorf("it is %s", got)
	}
}

// A wake of the queue may be cancelled when Redis is away: what is on its way is not cut off by that.
func TestACancelledWakeFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	ctx, cancel := context.WithCancel(t.Context())
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		cancel()
		if ctx.Err() != nil {
			t.Error("the send was cut off")
		}
		return accept(ctx, o)
	}
	m := h.Say(h.agent, h.talk(1), "hi")
	if err := h.workers.run.do(ctx, h.wake()); err == nil {
		t.Error("a cancelled wake is not done")
	}
	if got := h.status(m.ID); got != chat.StatusSent {
		t.Errorf("it is %s", got)
	}
}

func TestAChannelWithoutAProviderSendsByItself(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t), errNobodyKnows)
	m := h.Say(h.agent, h.talk(1), "hi")
	h.deliver()
	if got := h.Message(m.ID); got.Status != chat.StatusSent || got.ExternalID != m.ID.String() {
		t.Errorf("%+v", got.Message)
	}
}

func TestAnAccountThatCannotBeOpenedClaimsNothing(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	m := h.Say(h.agent, h.talk(1), "hi")
	h.workers.drivers = nil
	h.deliver() // nothing that trying again would mend
	if got := h.status(m.ID); got != chat.StatusPending || len(h.texts()) != 0 {
		t.Errorf("it is %s, handed over %v", got, h.texts())
	}
}

func TestChangedSettingsAreUsedInTheMiddleOfMuchToSend(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	var opens atomic.Int32
	h.workers.senders.open = func(ctx context.Context, id chat.AccountID) (opened, error) {
		opens.Add(1)
		return h.workers.open(ctx, id)
	}
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		h.workers.Forget(h.Account)
		return accept(ctx, o)
	}
	c := h.talk(1)
	for range 3 {
		h.Say(h.agent, c, "hi")
	}
	h.deliver()
	if n := opens.Load(); n < 3 || len(h.texts()) != 3 {
		t.Errorf("the account was opened %d times for %d messages", n, len(h.texts()))
	}
}

func TestAFileIsUploadedOnceAndNamedByTheProvidersID(t *testing.T) {
	t.Parallel()
	up := &uploader{upload: func(string) (string, error) { return "their-id", nil }}
	h := build(t, desktest.Shared(t), up)
	var refusals int
	h.answer = func(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
		if len(o.Media) != 1 || o.Media[0].ProviderID != "their-id" || o.Text != "look" {
			t.Errorf("handed over %+v", o)
		}
		if refusals++; refusals == 1 {
			return chat.Receipt{}, &chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage}
		}
		return accept(ctx, o)
	}
	m := h.picture("look")
	h.deliver()
	h.due(m)
	h.deliver()
	if h.status(m) != chat.StatusSent || up.times != 1 {
		t.Errorf("it is %s after %d uploads", h.status(m), up.times)
	}
}

func TestAnUploadThatFailsIsTriedAgainForNothingWasSent(t *testing.T) {
	t.Parallel()
	fail := map[string]func() error{
		"lost":    func() error { return errNobodyKnows },
		"refused": func() error { return &chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage} },
		"panic":   func() error { panic("as it was told") },
	}
	for name, how := range fail {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := true
			up := &uploader{upload: func(body string) (string, error) {
				if first {
					first = false
					return "", how()
				}
				return "id of " + body, nil
			}}
			h := build(t, desktest.Shared(t), up)
			m := h.picture("look")
			h.deliver()
			if got := h.status(m); got != chat.StatusPending || len(h.texts()) != 0 {
				t.Fatalf("it is %s, handed over %v", got, h.texts())
			}
			h.due(m)
			h.deliver()
			if got := h.status(m); got != chat.StatusSent || h.got[0].Media[0].ProviderID != "id of "+picture {
				t.Errorf("it is %s, handed over %+v", got, h.got)
			}
		})
	}
}

func TestAProviderWithoutUploadsGetsALink(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	m := h.picture("look")
	h.deliver()
	if got := h.status(m); got != chat.StatusSent || h.got[0].Media[0].URL == "" {
		t.Errorf("it is %s, handed over %+v", got, h.got)
	}
}

const picture = "the bytes of a picture"

// picture is a message with a file, to the first contact.
func (h *house) picture(caption string) chat.MessageID {
	h.T.Helper()
	ctx, c, id := context.Background(), h.talk(1), chat.NewID[chat.AttachmentID]()
	if err := h.workers.Media.Store.Put(ctx, id.String(), reader(picture), int64(len(picture)), "image/png"); err != nil {
		h.T.Fatal(err)
	}
	up := chat.Upload{Media: chat.Media{ID: id, State: chat.MediaReady, Type: "image/png", Name: "file.png", Size: int64(len(picture))}}
	if err := h.Desk.KeepUpload(ctx, h.agent, up); err != nil {
		h.T.Fatal(err)
	}
	m, err := h.Desk.Reply(ctx, h.agent, c, desk.Reply{Text: caption, Attachments: []chat.AttachmentID{id}}, nil)
	if err != nil {
		h.T.Fatal(err)
	}
	return m.ID
}

func reader(s string) *strings.Reader { return strings.NewReader(s) }

// due has a message that waits for its next attempt wait no more.
func (h *house) due(m chat.MessageID) {
	h.T.Helper()
	h.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1 AND status = 'pending'`, m)
}

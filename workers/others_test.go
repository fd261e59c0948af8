package workers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"io"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/templates"
)

// bytesOf is a small picture that the intake knows as one.
func bytesOf(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// picture has the n-th contact send one picture for each reference, and names the messages' files.
func (h *house) pictures(refs ...chat.MediaRef) {
	h.T.Helper()
	for i, r := range refs {
		in := h.Text(h.Phone(1), "file."+h.Phone(1)+r.ProviderID, "")
		in.Message.Kind, in.Message.Refs = chat.KindImage, refs[i:i+1]
		in.Message.Content.Media = []chat.Media{{State: chat.MediaPending, Type: "image/png", Name: r.ProviderID + ".png"}}
		h.In(in)
	}
}

func (h *house) states() map[string]chat.MediaState {
	h.T.Helper()
	out := map[string]chat.MediaState{}
	for _, m := range h.Thread(h.Phone(1)) {
		for _, f := range m.Content.Media {
			out[f.Name] = f.State
		}
	}
	return out
}

func (h *house) handle(k task.Kind, id string) {
	h.T.Helper()
	if err := h.workers.run.do(context.Background(), task.Wake{Kind: k, ID: id}); err != nil {
		h.T.Error(err)
	}
}

func TestFilesAreFetchedBesideEachOtherAndOneThatCannotBeHoldsUpNone(t *testing.T) {
	t.Parallel()
	body := bytesOf(t)
	sum := sha256.Sum256(body)
	f := &fetcher{fetch: func(r chat.MediaRef) (io.ReadCloser, string, int64, error) {
		switch r.ProviderID {
		case "panics":
			panic("as it was told")
		case "away":
			return nil, "", 0, chat.Errorf(chat.CodeUnavailable, "as it was told")
		case "gone":
			return nil, "", 0, chat.Errorf(chat.CodeNotFound, "as it was told")
		}
		return io.NopCloser(bytes.NewReader(body)), "image/png", int64(len(body)), nil
	}}
	h := build(t, desktest.Shared(t), f)
	h.pictures(chat.MediaRef{ProviderID: "fine", SHA256: base64.StdEncoding.EncodeToString(sum[:])}, chat.MediaRef{ProviderID: "gone"},
		chat.MediaRef{ProviderID: "panics"}, chat.MediaRef{ProviderID: "away"},
		chat.MediaRef{ProviderID: "forged", SHA256: base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))})
	h.handle(task.Media, h.Account.String())
	want := map[string]chat.MediaState{
		"fine.png": chat.MediaReady, "gone.png": chat.MediaFailed, "panics.png": chat.MediaPending, "away.png": chat.MediaPending, "forged.png": chat.MediaPending,
	}
	for name, state := range h.states() {
		if state != want[name] {
			t.Errorf("%s is %s, not %s", name, state, want[name])
		}
	}
	if h.files.outcomes["ready"] != 1 || h.files.outcomes[string(chat.CodeNotFound)] != 1 {
		t.Errorf("counted %v", h.files.outcomes)
	}
	// What could not be had comes again until there were enough tries.
	for range 20 {
		h.Exec(`UPDATE attachments SET due_at = now() - interval '1 second' WHERE state = 'pending' AND account_id = $1`, h.Account)
		h.handle(task.Media, h.Account.String())
	}
	for _, name := range []string{"panics.png", "away.png", "forged.png"} {
		if got := h.states()[name]; got != chat.MediaFailed {
			t.Errorf("%s is %s in the end", name, got)
		}
	}
}

func TestAChannelThatHandsOutNoFilesSaysSo(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	h.pictures(chat.MediaRef{ProviderID: "a"})
	h.handle(task.Media, h.Account.String())
	if got := h.states()["a.png"]; got != chat.MediaFailed {
		t.Errorf("it is %s", got)
	}
}

func TestCourtesiesNameTheNewestMessageOfTheContactAndMayFail(t *testing.T) {
	t.Parallel()
	c := &courteous{}
	h := build(t, desktest.Shared(t), c)
	id := h.talk(1)
	h.In(h.Text(h.Phone(1), "newest."+h.Phone(1), "and another"))
	h.handle(task.ReadMark, id.String())
	c.fail = errors.New("as it was told")
	h.handle(task.Typing, id.String())
	want := []string{"read " + h.Phone(1) + " newest." + h.Phone(1), "typing " + h.Phone(1) + " newest." + h.Phone(1)}
	if !slices.Equal(c.done, want) {
		t.Errorf("done %v", c.done)
	}
	plain := build(t, desktest.Shared(t)) // whose provider knows no courtesies
	id = plain.talk(1)
	plain.handle(task.ReadMark, id.String())
	plain.handle(task.Typing, id.String())
	plain.handle(task.Profile, id.String())
	plain.handle(task.Templates, h.Account.String())
}

func TestANameThatTheProviderTellsIsNoted(t *testing.T) {
	t.Parallel()
	c := &courteous{name: "Elif"}
	h := build(t, desktest.Shared(t), c)
	in := h.Text(h.Phone(1), "first."+h.Phone(1), "hello")
	in.Profile.Name = ""
	h.In(in)
	id := h.Open(h.Phone(1)).ID
	h.handle(task.Profile, id.String())
	if got := h.Row(id).ContactName; got != "Elif" {
		t.Errorf("called %q", got)
	}
	c.fail, c.name = errors.New("as it was told"), "Nobody"
	h.handle(task.Profile, id.String())
	if got := h.Row(id).ContactName; got != "Elif" {
		t.Errorf("called %q after a failure", got)
	}
}

func TestTemplatesBecomeWhatTheProviderLists(t *testing.T) {
	t.Parallel()
	approved := func(name string) templates.Template {
		return templates.Template{
			ID: "their-" + name, Name: name, Language: "tr", Category: templates.Utility, Status: templates.StatusApproved,
			Components: []templates.Component{{Type: templates.Body, Text: "Merhaba"}},
		}
	}
	c := &courteous{listed: []templates.Template{approved("one"), approved("two")}}
	h := build(t, desktest.Shared(t), c)
	names := func() (n int) {
		return h.Int(`SELECT count(*) FROM templates WHERE account_id = $1 AND gone_at IS NULL`, h.Account)
	}
	h.handle(task.Templates, h.Account.String())
	if names() != 2 {
		t.Errorf("%d are there", names())
	}
	c.listed = c.listed[:1]
	h.handle(task.Templates, h.Account.String())
	if names() != 1 {
		t.Errorf("%d are there when the provider lists one", names())
	}
	c.listed, c.fail = nil, errNobodyKnows
	if err := h.workers.run.do(t.Context(), task.Wake{Kind: task.Templates, ID: h.Account.String()}); err == nil {
		t.Error("a list that could not be read is not done")
	}
	if names() != 1 {
		t.Errorf("%d are there after a list that could not be read", names())
	}
}

// Of work that panics the process lives on, and so does what it was about: the next wake is not taken for one that runs already.
func TestAPanicEndsNeitherTheProcessNorTheLane(t *testing.T) {
	t.Parallel()
	c := &courteous{name: "panic"}
	h := build(t, desktest.Shared(t), c)
	k := task.Wake{Kind: task.Profile, ID: h.talk(1).String()}
	if err := h.workers.run.do(t.Context(), k); err == nil {
		t.Error("a panic is not done")
	}
	h.workers.Wake(t.Context(), k)
	eventually(t, "it is over", func() bool { return h.workers.run.rung(key{k.Kind, k.ID}) == nil })
	c.name = "Elif"
	if err := h.workers.run.do(t.Context(), k); err != nil || len(c.done) != 1 {
		t.Errorf("%v, done %v", err, c.done)
	}
}

func TestAWakeThatAsksForNothingThatIsThereIsDone(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	for _, k := range append(task.Kinds(), "nonsense") {
		if err := h.workers.run.do(t.Context(), task.Wake{Kind: k, ID: "no id"}); err != nil {
			t.Errorf("%s without an id: %v", k, err)
		}
		if err := h.workers.run.do(t.Context(), task.Wake{Kind: k, ID: chat.NewID[chat.AccountID]().String()}); err != nil {
			t.Errorf("%s of nobody: %v", k, err)
		}
	}
}

// All wakes are lost, as when Redis is: what is due is done all the same.
func TestTheSweeperDoesWhatNobodyWokeFor(t *testing.T) {
	t.Parallel()
	f := &fetcher{fetch: func(chat.MediaRef) (io.ReadCloser, string, int64, error) {
		b := bytesOf(t)
		return io.NopCloser(bytes.NewReader(b)), "image/png", int64(len(b)), nil
	}}
	h := build(t, desktest.New(t), f)
	sent := h.Say(h.agent, h.talk(2), "answer")
	lost := h.Say(h.agent, h.talk(3), "on its way when its sender ended")
	if _, _, err := h.Desk.Claim(t.Context(), h.Account, 64); err != nil {
		t.Fatal(err)
	}
	h.Exec(`UPDATE messages SET status = 'pending', due_at = now() WHERE id = $1`, sent.ID)
	h.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1`, lost.ID)
	in := h.Text(h.Phone(1), "file", "")
	in.Message.Kind, in.Message.Refs = chat.KindImage, []chat.MediaRef{{ProviderID: "a"}}
	in.Message.Content.Media = []chat.Media{{State: chat.MediaPending, Type: "image/png", Name: "a.png"}}
	h.Accept(h.Event(in))
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan struct{})
	go func() { h.workers.Sweep(ctx, func() bool { return true }); close(swept) }()
	eventually(t, "the message is in and given to an agent", func() bool {
		return h.Int(`SELECT count(*) FROM conversations c JOIN identities i ON i.id = c.identity_id WHERE i.value = $1 AND c.status = 'assigned'`, h.Phone(1)) == 1
	})
	eventually(t, "the answer is sent", func() bool { return h.status(sent.ID) == chat.StatusSent })
	eventually(t, "the lost one is given up", func() bool { return h.status(lost.ID) == chat.StatusUnknown })
	eventually(t, "the file is there", func() bool { return h.states()["a.png"] == chat.MediaReady })
	cancel()
	<-swept
	for _, what := range []string{"lane", "line", "send", "media", "claim"} {
		if h.Count("recovered "+what) == 0 {
			t.Errorf("no recovered %s was counted", what)
		}
	}
	if got := h.texts(); !slices.Equal(got, []string{"answer"}) {
		t.Errorf("handed over %v", got)
	}
}

func TestTheSweeperTidiesAndEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.New(t))
	id := chat.NewID[chat.AttachmentID]()
	if err := h.workers.Media.Store.Put(t.Context(), id.String(), reader(picture), int64(len(picture)), "image/png"); err != nil {
		t.Fatal(err)
	}
	up := chat.Upload{Media: chat.Media{ID: id, State: chat.MediaReady, Type: "image/png", Name: "file.png", Size: int64(len(picture))}}
	if err := h.Desk.KeepUpload(t.Context(), h.agent, up); err != nil {
		t.Fatal(err)
	}
	h.Exec(`UPDATE attachments SET created_at = now() - interval '2 days'`)
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan struct{})
	go func() { h.workers.Sweep(ctx, func() bool { return false }); close(swept) }()
	eventually(t, "the file that nobody sent is gone", func() bool {
		_, _, err := h.workers.Media.Store.Open(t.Context(), id.String())
		return chat.CodeOf(err) == chat.CodeNotFound && h.Int(`SELECT count(*) FROM attachments`) == 0
	})
	cancel()
	select {
	case <-swept:
	case <-time.After(30 * time.Second):
		t.Error("the sweeper goes on")
	}
}

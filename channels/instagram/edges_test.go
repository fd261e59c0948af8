package instagram_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/channels/instagram"
	"gatehouse/internal/chat"
)

// open opens the suite's account against handler.
func open(t *testing.T, handler http.HandlerFunc) channels.Sender {
	t.Helper()
	return channeltest.Open(t, instagram.Driver(), suite(), handler)
}

func TestAFileIsFetchedWithoutTheToken(t *testing.T) {
	t.Parallel()
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token went along")
		}
		switch r.URL.Path {
		case "/file":
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = io.WriteString(w, "bytes")
		case "/gone":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(cdn.Close)
	s := open(t, func(http.ResponseWriter, *http.Request) { t.Error("Graph was asked") }).(channels.MediaFetcher)
	body, kind, size, err := s.FetchMedia(t.Context(), chat.MediaRef{URL: cdn.URL + "/file?sig=s"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || string(data) != "bytes" || kind != "image/jpeg" || size != 5 {
		t.Errorf("%q %s %d %v", data, kind, size, err)
	}
	if _, _, _, err := s.FetchMedia(t.Context(), chat.MediaRef{URL: cdn.URL + "/gone"}); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("expired: %v", err)
	}
	for _, url := range []string{cdn.URL + "/broken", "", "file:///etc/passwd", "http://127.0.0.1:1/?sig=secret-signature", "\x7f"} {
		_, _, _, err := s.FetchMedia(t.Context(), chat.MediaRef{URL: url})
		if err == nil || strings.Contains(err.Error(), "secret-signature") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestTypingAndReadMarksNameTheContact(t *testing.T) {
	t.Parallel()
	var got []string
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.URL.Path+" "+string(data))
		_, _ = io.WriteString(w, `{"recipient_id":"1000000000000101"}`)
	})
	err := errors.Join(s.(channels.Typer).Typing(t.Context(), to, ""), s.(channels.ReadMarker).MarkRead(t.Context(), to, "mid.9"))
	want := []string{
		messages + ` {"recipient":{"id":"1000000000000101"},"sender_action":"typing_on"}`,
		messages + ` {"recipient":{"id":"1000000000000101"},"sender_action":"mark_seen"}`,
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v %v", got, err)
	}
	if err := s.(channels.ReadMarker).MarkRead(t.Context(), to[:1], "mid.9"); chat.CodeOf(err) != chat.CodeUndeliverable {
		t.Errorf("another account's address was used: %v", err)
	}
}

func TestCheckAsksForTheAccount(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "/v26.0/17841400000000001?fields=id" {
			t.Errorf("asked for %s", r.RequestURI)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"id":"17841400000000001","error":{"code":190}}`)
	}).(channels.Health)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	status = http.StatusUnauthorized
	var refused *chat.SendError
	if err := s.Check(t.Context()); !errors.As(err, &refused) || refused.Effect != chat.EffectAccountBroken {
		t.Errorf("got %v", err)
	}
}

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBehindFacebookLoginThePageSends(t *testing.T) {
	t.Parallel()
	s := suite()
	s.Settings["graph_base_url"] = "https://graph.facebook.com"
	var asked []string
	sender, err := instagram.Driver().Open(channels.Account{Account: chat.Account{Settings: s.Settings}, Secrets: s.Secrets}, channels.Deps{
		Now: time.Now,
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"message_id":"mid.1"}`))}, nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), chat.Outbound{To: to, Kind: chat.KindText, Text: "x"}); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(asked) != "[https://graph.facebook.com/v26.0/me/messages]" {
		t.Errorf("asked %v", asked)
	}
}

package fakemeta

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

func FuzzASendIsAcceptedOrRefusedInGraphsWords(f *testing.F) {
	for _, seed := range []string{
		textTo("+905332041896", "Merhaba"), `{`, `null`, `[]`, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x"}`,
		`{"messaging_product":"whatsapp","to":"+905332041896","type":"template","template":{"name":"yeni_koleksiyon","language":{"code":"tr"},"components":[{"type":"carousel","cards":[{"components":[]},{"components":null}]}]}}`,
		`{"messaging_product":"whatsapp","to":"+905332041896","type":"interactive","interactive":{"type":"flow","body":{"text":"x"},"action":{"parameters":[]}}}`,
		`{"messaging_product":"whatsapp","recipient":"TR.1","type":"location","location":{"latitude":"41","longitude":29}}`,
		`{"recipient":{"id":"1"},"message":{"attachment":{"type":"template","payload":null}}}`,
	} {
		f.Add(seed)
	}
	cfg := MaviEv()
	cfg.AccessToken = "token-1"
	s, err := New(cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	s.Phone("905332041896", "").SendText("Merhaba")
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "http") {
			return // links are fetched
		}
		for _, path := range []string{"/v26.0/" + number + "/messages", "/v26.0/me/messages"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer token-1")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			var out map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
				t.Fatalf("%d %q: %v", w.Code, w.Body, err)
			}
			if refused := out["error"] != nil; refused == (w.Code == 200) || refused && errorCode(out) == 0 {
				t.Fatalf("%d %s", w.Code, indent(out))
			}
		}
	})
}

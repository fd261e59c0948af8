package gateway_test

import (
	"testing"

	"gatehouse/internal/chat"
)

func TestAnAgentTakesAConversationAndAnswersIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	a := h.agent(chat.RoleAgent)

	var list struct {
		Items []struct {
			ID      string `json:"id"`
			Contact struct {
				Name string `json:"name"`
			} `json:"contact"`
			Window struct {
				Phase string `json:"phase"`
			} `json:"window"`
		} `json:"items"`
	}
	a.get("/api/v1/conversations?view=queue").into(200, &list)
	if len(list.Items) != 1 || list.Items[0].Contact.Name != "Elif 01" || list.Items[0].Window.Phase != "open" {
		t.Fatalf("queue: %+v", list)
	}
	id := list.Items[0].ID
	a.post("/api/v1/conversations/"+id+"/take", nil).into(200, nil)

	send := a.request("POST", "/api/v1/conversations/"+id+"/messages", map[string]any{"text": "Hoş geldiniz"})
	send.Header.Set("Idempotency-Key", "0195a7f0-1111-7000-8000-000000000001")
	var m struct {
		ID, Status, Text, Source string
		Seq                      int64
	}
	a.do(send).into(201, &m)
	if m.Status != "pending" || m.Text != "Hoş geldiniz" || m.Source != "agent" || m.Seq == 0 {
		t.Fatalf("message: %+v", m)
	}
	var page struct {
		Items []struct{ ID, Text string } `json:"items"`
		Next  string                      `json:"next"`
	}
	a.get("/api/v1/conversations/"+id+"/messages").into(200, &page)
	if len(page.Items) != 2 || page.Items[0].Text != "Hoş geldiniz" || page.Items[1].Text != "Merhaba" || page.Next != "" {
		t.Fatalf("thread: %+v", page)
	}
	h.MustHold()
}

package instagram

import (
	"bytes"
	"encoding/json"

	"gatehouse/channels/internal/graph"
)

// The shapes of PROTOCOLS.md §6. Items are read each by itself: one that has an unexpected shape does not take its
// neighbours along. Of a scalar given twice the last counts; route reads the same way, so that both agree.

type envelope struct {
	Object string  `json:"object"`
	Entry  []entry `json:"entry"`
}

type entry struct {
	ID        graph.Loose `json:"id"` // the professional account
	Messaging []item      `json:"messaging"`
	Standby   []struct{}  `json:"standby"`
	Changes   []struct {
		Field graph.Loose `json:"field"`
	} `json:"changes"`
}

type party struct {
	ID graph.Loose `json:"id"`
}

// item is one of entry[].messaging[]; which event it is says the key that is set.
type item struct {
	Sender    party       `json:"sender"`
	Recipient party       `json:"recipient"`
	Timestamp graph.Loose `json:"timestamp"`

	Message  *message      `json:"message"`
	Edit     *messageEdit  `json:"message_edit"`
	Reaction *reaction     `json:"reaction"`
	Read     *read         `json:"read"`
	Postback *postback     `json:"postback"`
	Referral *referral     `json:"referral"`
	Pass     *threadChange `json:"pass_thread_control"`
	Take     *threadChange `json:"take_thread_control"`
	Request  *threadChange `json:"request_thread_control"`

	raw string // compact; only when it may have to stand for an id
	bad bool
}

// UnmarshalJSON never fails.
func (i *item) UnmarshalJSON(data []byte) error {
	type plain item
	*i = item{}
	i.bad = json.Unmarshal(data, (*plain)(i)) != nil
	if i.bad || i.Message != nil && i.Message.ID == "" || i.Postback != nil && i.Postback.ID == "" {
		var b bytes.Buffer
		if err := json.Compact(&b, data); err != nil {
			return err // cannot be: data has been read before
		}
		i.raw = b.String()
	}
	return nil
}

type message struct {
	ID          graph.Loose  `json:"mid"`
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
	QuickReply  *struct {
		Payload string `json:"payload"`
	} `json:"quick_reply"`
	ReplyTo *struct {
		ID    graph.Loose `json:"mid"`
		Story *struct {
			ID  graph.Loose `json:"id"`
			URL string      `json:"url"`
		} `json:"story"`
	} `json:"reply_to"`
	Referral    *referral  `json:"referral"`
	Echo        graph.Flag `json:"is_echo"`
	Self        graph.Flag `json:"is_self"`
	Deleted     graph.Flag `json:"is_deleted"`
	Unsupported graph.Flag `json:"is_unsupported"`
}

type attachment struct {
	Type    graph.Loose `json:"type"`
	Payload struct {
		URL   string      `json:"url"`
		Title string      `json:"title"`
		Post  graph.Loose `json:"ig_post_media_id"`
		Reel  graph.Loose `json:"reel_video_id"`
	} `json:"payload"`
}

type referral struct {
	Ref    string      `json:"ref"`
	AdID   graph.Loose `json:"ad_id"`
	Source string      `json:"source"`
	Ad     struct {
		Title string `json:"ad_title"`
	} `json:"ads_context_data"`
	Product struct {
		ID graph.Loose `json:"id"`
	} `json:"product"`
}

type messageEdit struct {
	ID    graph.Loose `json:"mid"`
	Text  string      `json:"text"`
	Count graph.Loose `json:"num_edit"`
}

type reaction struct {
	ID     graph.Loose `json:"mid"`
	Action graph.Loose `json:"action"`
	Name   graph.Loose `json:"reaction"`
	Emoji  string      `json:"emoji"`
}

type read struct {
	ID graph.Loose `json:"mid"`
}

type postback struct {
	ID       graph.Loose `json:"mid"`
	Title    string      `json:"title"`
	Payload  string      `json:"payload"`
	Referral *referral   `json:"referral"`
}

type threadChange struct{}

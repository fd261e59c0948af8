package channeltest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// Outcomes checks each payload of testdata against what a person wrote that it must give: a line per Inbound, as Say
// writes it. Every payload must have its lines, and every line its payload. Lines leave out the account, which must be
// home unless the line names another.
func Outcomes(t *testing.T, d channels.Driver, home chat.AccountKey, want map[string][]string) {
	t.Helper()
	payloads := Payloads(t)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if payloads[name] == nil {
			t.Errorf("%s: there is no such payload", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(payloads)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: nobody says what it must give", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := []string{}
			for _, in := range Check(t, d, payloads[name]) {
				got = append(got, Say(in, home))
			}
			if diff := cmp.Diff(append([]string{}, want[name]...), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Say puts an Inbound into a line of words: its kind, its own facts, whose it is and when it was, leaving out what is not
// set. Times are unix seconds. A long text is told by its length and a hash.
func Say(in chat.Inbound, home chat.AccountKey) string {
	w := words{string(in.Kind)}
	switch in.Kind {
	case chat.InboundMessageKind:
		w = w[:0]
		w.message(in.Message)
	case chat.InboundStatusKind:
		s := in.Status
		w.add(string(s.Status), s.ExternalID).set("opaque", s.Opaque).flag("and_earlier", s.UpTo).at("free_until", s.FreeEntryUntil)
		if e := s.Error; e != nil {
			w.set("error", string(e.Code)+"/"+e.Provider+"/"+string(e.Retry)+"/"+string(e.Effect))
		}
		if p := s.Pricing; p != nil {
			w.set("price", p.Model+"/"+p.Type+"/"+p.Category).flag("billable", p.Billable)
		}
	case chat.InboundReactionKind:
		w.add(string(in.Reaction.Direction), in.Reaction.ExternalID, "emoji="+in.Reaction.Emoji)
	case chat.InboundEditKind:
		w.add(string(in.Edit.Direction), in.Edit.ExternalID).text(in.Edit.Text)
	case chat.InboundDeleteKind:
		w.add(string(in.Delete.Direction), in.Delete.ExternalID)
	case chat.InboundIdentityKind:
		w.add(in.Identity.Type).addresses("old", in.Identity.Old).addresses("new", in.Identity.New)
	case chat.InboundPreferenceKind:
		w.add(in.Preference.Category).flag("opted_out", in.Preference.OptedOut)
	case chat.InboundCallKind:
		c := in.Call
		w.add(c.Data.Event, c.ExternalID).set("direction", c.Data.Direction).set("response", c.Data.Response).at("until", c.Data.Until)
		if c.Data.Seconds != 0 {
			w.set("seconds", fmt.Sprint(c.Data.Seconds))
		}
		w.flag("opens", c.OpensWindow)
	case chat.InboundReferralKind:
		w.referral(in.Referral)
	case chat.InboundTemplateKind:
		t := in.Template
		w.add(t.Field, t.Name+"/"+t.Language, t.ProviderID).set("event", t.Event).set("reason", t.Reason)
	case chat.InboundAccountKind:
		i := in.Issue
		w.add(i.Event).set("number", i.Number).set("state", string(i.State)).set("detail", i.Detail).at("templates_blocked_until", i.TemplatesBlockedUntil)
		if i.PerSecond != 0 {
			w.set("per_second", fmt.Sprint(i.PerSecond))
		}
	}
	w.addresses("by", in.From).set("name", in.Profile.Name).set("username", in.Profile.Username).at("at", in.At).set("note", in.Note)
	if in.Account != home {
		w.set("account", in.Account.Type+":"+in.Account.Value)
	}
	return strings.Join(w, " ")
}

type words []string

func (w *words) add(s ...string) *words { *w = append(*w, s...); return w }

func (w *words) set(name, value string) *words {
	if value == "" {
		return w
	}
	if strings.ContainsAny(value, " \n") {
		value = `"` + value + `"`
	}
	return w.add(name + "=" + value)
}

func (w *words) flag(name string, set bool) *words {
	if set {
		w.add(name)
	}
	return w
}

func (w *words) at(name string, t time.Time) *words {
	if t.IsZero() {
		return w
	}
	s := fmt.Sprint(t.Unix())
	if ms := t.UnixMilli() % 1000; ms != 0 {
		s += fmt.Sprintf(".%03d", ms)
	}
	return w.set(name, s)
}

func (w *words) text(s string) *words {
	if len(s) > 200 {
		sum := sha256.Sum256([]byte(s))
		return w.add(fmt.Sprintf("text=<%d characters, sha256 %x…>", utf8.RuneCountInString(s), sum[:4]))
	}
	if s != "" {
		w.add(`text="` + s + `"`)
	}
	return w
}

func (w *words) addresses(name string, all []chat.Address) *words {
	var s []string
	for _, a := range all {
		one := string(a.Type) + ":" + a.Value
		if a.Scope != "" {
			one += "@" + a.Scope
		}
		s = append(s, one)
	}
	return w.set(name, strings.Join(s, ","))
}

func (w *words) referral(r *chat.Referral) *words {
	if r == nil {
		return w
	}
	return w.set("referral", r.Source+"/"+r.SourceID).set("url", r.URL).set("headline", r.Headline).set("body", r.Body).
		set("ref", r.Ref).set("click", r.ClickID).set("product_id", r.ProductID)
}

func (w *words) message(m *chat.InboundMessage) {
	w.add(string(m.Direction), string(m.Kind), m.ExternalID)
	if m.Source != chat.SourceContact {
		w.set("source", string(m.Source))
	}
	w.text(m.Text)
	c := m.Content
	for i, f := range c.Media {
		w.set("file", f.Type+"/"+f.Name+"/"+string(f.State)).flag("animated", f.Animated).flag("voice", f.Voice)
		w.set("file_id", m.Refs[i].ProviderID).set("file_url", m.Refs[i].URL).set("sha256", m.Refs[i].SHA256)
	}
	if l := c.Location; l != nil {
		w.set("place", fmt.Sprintf("%v,%v", l.Latitude, l.Longitude)).set("place_name", l.Name).set("address", l.Address).set("url", l.URL)
	}
	w.set("cards", string(c.Contacts))
	if h := c.Choice; h != nil {
		w.set("choice", h.Type+"/"+h.ID).set("answers", string(h.Answers))
	}
	if o := c.Order; o != nil {
		w.set("catalog", o.CatalogID)
		for _, i := range o.Items {
			w.add(fmt.Sprintf("%d*%s@%s", i.Quantity, i.SKU, i.Price))
		}
		w.add("total=" + o.Total + o.Currency)
	}
	if p := c.Product; p != nil {
		w.set("product", p.CatalogID+"/"+p.SKU)
	}
	w.share("share", c.Share).share("story", c.Story).referral(c.Referral)
	if u := c.Unsupported; u != nil {
		w.add("unsupported=" + u.Type + "/" + u.Code)
	}
	w.set("forwarded", c.Forwarded).set("reply", m.ReplyExternal).flag("opens", m.OpensWindow).flag("silent", m.Silent)
}

func (w *words) share(name string, s *chat.Share) *words {
	if s == nil {
		return w
	}
	return w.set(name, s.Type+"/"+s.ID+"/"+s.Title).set(name+"_url", s.URL)
}

package fakemeta

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	windowLength  = 24 * time.Hour     // WhatsApp and Instagram: free-form after the customer's last message
	humanWindow   = 7 * 24 * time.Hour // Instagram: with the tag HUMAN_AGENT
	freeEntry     = 72 * time.Hour     // WhatsApp: after an ad, once the business replied
	threadHistory = 300                // messages kept for each phone
)

// world is what exists: accounts, people, and the threads between them. Methods named …Locked expect mu to be held.
type world struct {
	mu       sync.Mutex
	accounts []*account
	people   []*person
	index    map[string]*person // by id, phone digits, BSUID, IGSID and "@username"
	threads  map[pair]*thread
	messages map[string]*Message

	rev     int64         // grows with every change that a phone shows
	changed chan struct{} // closed at the next change
}

type account struct {
	Account
	callbacks    []string // where its events go, in turns
	subscribed   bool
	serviceMonth string // "2026-11"
	serviceSent  int    // free-form messages delivered in that month
	blocked      map[*person]bool
}

type person struct {
	Person
	rev    int64
	silent bool // made by the load generator: no phone, no history
}

type pair struct {
	account *account
	person  *person
}

// lane names the order in which a chat's webhooks are posted.
func (p pair) lane() string {
	return p.account.ID() + "|" + cmp.Or(p.person.ID, p.person.Phone, p.person.UserID)
}

// thread is one customer's chat with one account.
type thread struct {
	pair
	lastInbound time.Time // by the platform's clock: when the customer last wrote
	adClick     time.Time // came through an ad; a reply within 24 h opens the free entry point
	entryUntil  time.Time // end of the free entry point
	typingUntil time.Time // wall clock
	messages    []*Message
	rev         int64
}

func newWorld(cfg Config) *world {
	w := &world{index: map[string]*person{}, threads: map[pair]*thread{}, messages: map[string]*Message{}, changed: make(chan struct{})}
	for _, a := range cfg.Accounts {
		callbacks := []string{a.WebhookURL}
		if a.WebhookURL == "" {
			callbacks = append([]string{cfg.WebhookURL}, cfg.Gateways...)
		}
		callbacks = slices.DeleteFunc(callbacks, func(u string) bool { return u == "" })
		w.accounts = append(w.accounts, &account{Account: a, callbacks: callbacks, subscribed: true, blocked: map[*person]bool{}})
	}
	return w
}

// account finds an account by any node id that addresses it.
func (w *world) account(node string) *account {
	for _, a := range w.accounts {
		if node != "" && (node == a.PhoneNumberID || node == a.InstagramID || node == a.PageID) {
			return a
		}
	}
	return nil
}

func (w *world) first(k Kind) *account {
	for _, a := range w.accounts {
		if a.Kind == k {
			return a
		}
	}
	return nil
}

var bsuidShape = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$`)

// personKey brings an address into the form of the index: "+90 555…" becomes digits, everything else stays.
func personKey(address string) string {
	if strings.HasPrefix(address, "+") {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, address)
	}
	return address
}

func (w *world) findLocked(address string) *person { return w.index[personKey(address)] }

// addLocked makes a person exist, or returns the one with that address and fills in what was not known of them.
func (w *world) addLocked(p Person) (*person, error) {
	p.Phone = personKey(p.Phone)
	p.Username = strings.TrimPrefix(p.Username, "@")
	switch {
	case p.Kind == WhatsApp && (allDigits(p.Phone) && len(p.Phone) >= 7 && len(p.Phone) <= 15 || p.Phone == "" && p.UserID != ""):
		p.UserID = cmp.Or(p.UserID, deriveBSUID(p.Phone))
		p.ID = cmp.Or(p.ID, "wa-"+cmp.Or(p.Phone, p.UserID))
	case p.Kind == Instagram && p.Username != "":
		p.IGSID = cmp.Or(p.IGSID, digitsOf("igsid|"+p.Username, 16))
		p.ID = cmp.Or(p.ID, "ig-"+p.Username)
	default:
		return nil, fmt.Errorf("fakemeta: a person on %q needs a phone number of 7 to 15 digits, a BSUID or a username", p.Kind)
	}
	if known := w.index[p.ID]; known != nil {
		if p.Name != "" && known.Name != p.Name {
			known.Name = p.Name
			w.touchPersonLocked(known)
		}
		return known, nil
	}
	n := &person{Person: p}
	n.Name = cmp.Or(n.Name, n.Username, "+"+n.Phone)
	w.people = append(w.people, n)
	w.indexLocked(n)
	w.touchPersonLocked(n)
	return n, nil
}

func (w *world) indexLocked(p *person) {
	for _, key := range []string{p.ID, p.Phone, p.UserID, p.IGSID} {
		if key != "" {
			w.index[key] = p
		}
	}
	if p.Kind == Instagram {
		w.index["@"+p.Username] = p
	}
}

func (w *world) threadLocked(a *account, p *person) *thread {
	key := pair{a, p}
	t := w.threads[key]
	if t == nil {
		t = &thread{pair: key}
		w.threads[key] = t
	}
	return t
}

// wroteLocked opens the window: the customer wrote at that time. An older time never shortens it.
func (t *thread) wroteLocked(at time.Time) {
	if at.After(t.lastInbound) {
		t.lastInbound = at
	}
}

// open says whether free-form is allowed at that time.
func (t *thread) open(at time.Time, length time.Duration) bool {
	return !t.lastInbound.IsZero() && at.Before(t.lastInbound.Add(length))
}

// showLocked puts a message on the phone.
func (w *world) showLocked(t *thread, m *Message) {
	if t.person.silent {
		return
	}
	m.thread = t
	t.messages = append(t.messages, m)
	w.messages[m.ID] = m
	if len(t.messages) > threadHistory {
		delete(w.messages, t.messages[0].ID)
		t.messages = t.messages[1:]
	}
	w.touchLocked(m)
}

func (w *world) touchLocked(m *Message) {
	w.bumpLocked()
	m.Rev, m.thread.rev = w.rev, w.rev
}

func (w *world) touchThreadLocked(t *thread) {
	if t.person.silent {
		return
	}
	w.bumpLocked()
	t.rev = w.rev
}

func (w *world) touchPersonLocked(p *person) {
	if p.silent {
		return
	}
	w.bumpLocked()
	p.rev = w.rev
}

func (w *world) bump() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bumpLocked()
}

func (w *world) bumpLocked() {
	w.rev++
	close(w.changed)
	w.changed = make(chan struct{})
}

// messageStatus ranks the statuses, so that a late one never takes back a later one.
var statusRank = map[string]int{"pending": 0, "accepted": 0, "sent": 1, "delivered": 2, "read": 3, "played": 4, "failed": 5}

// advanceLocked moves a message's status forward only.
func (w *world) advanceLocked(m *Message, status string) {
	if statusRank[status] > statusRank[m.Status] {
		m.Status = status
		w.touchLocked(m)
	}
}

// deriveBSUID gives a phone number the same business-scoped id for ever.
func deriveBSUID(phone string) string {
	country := "TR"
	for prefix, c := range map[string]string{"1": "US", "44": "GB", "49": "DE", "33": "FR"} {
		if strings.HasPrefix(phone, prefix) {
			country = c
		}
	}
	return country + "." + digitsOf("bsuid|"+phone, 20)
}

// digitsOf maps a seed to n decimal digits, the first of them never zero.
func digitsOf(seed string, n int) string {
	sum := sha256.Sum256([]byte(seed))
	s := fmt.Sprintf("%d%020d", 1+binary.BigEndian.Uint64(sum[:8])%9, binary.BigEndian.Uint64(sum[8:16]))
	return s[:n]
}

func allDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

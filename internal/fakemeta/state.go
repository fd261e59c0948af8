package fakemeta

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// savedWorld is world.json: enough that the phones, the windows and the webhooks still under way survive a restart, so
// that the demo loses nothing when the desk is killed.
type savedWorld struct {
	MintPrefix []byte          `json:"mint_prefix"`
	Minted     uint64          `json:"minted"`
	People     []Person        `json:"people"`
	Accounts   []savedAccount  `json:"accounts"`
	Threads    []savedThread   `json:"threads"`
	Templates  []savedTemplate `json:"templates"`
	Media      []*blob         `json:"media"`
	Pending    []*delivery     `json:"pending"`
}

type savedAccount struct {
	ID           string   `json:"id"`
	ServiceMonth string   `json:"service_month"`
	ServiceSent  int      `json:"service_sent"`
	Blocked      []string `json:"blocked"`
}

type savedThread struct {
	Account     string     `json:"account"`
	Person      string     `json:"person"`
	LastInbound time.Time  `json:"last_inbound"`
	AdClick     time.Time  `json:"ad_click"`
	EntryUntil  time.Time  `json:"entry_until"`
	Messages    []*Message `json:"messages"`
}

type savedTemplate struct {
	Business string `json:"business"`
	Template
}

const mintSlack = 1_000_000 // ids that may have been given out after the last save

// keepSaving writes the world soon after each change.
func (s *Server) keepSaving() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var saved int64
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		s.world.mu.Lock()
		rev := s.world.rev
		s.world.mu.Unlock()
		if rev == saved && !s.dirty.Swap(false) {
			continue
		}
		if err := s.save(); err != nil {
			s.log.Error("fakemeta: the world is not saved", "error", err)
			s.dirty.Store(true)
			continue
		}
		saved = rev
	}
}

// save writes world.json in one piece: a crash leaves the old one or the new one.
func (s *Server) save() error {
	if s.cfg.DataDir == "" {
		return nil
	}
	data, err := s.marshalWorld()
	if err != nil {
		return fmt.Errorf("fakemeta: %w", err)
	}
	if err := os.MkdirAll(s.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("fakemeta: %w", err)
	}
	name := filepath.Join(s.cfg.DataDir, "world.json")
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		return fmt.Errorf("fakemeta: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("fakemeta: %w", err)
	}
	return nil
}

func (s *Server) marshalWorld() ([]byte, error) {
	out := savedWorld{MintPrefix: s.mint.prefix[:], Minted: s.mint.n.Load()}
	s.media.mu.Lock()
	for _, b := range s.media.blobs {
		out.Media = append(out.Media, b)
	}
	s.media.mu.Unlock()
	s.catalog.mu.Lock()
	for _, t := range s.catalog.list {
		out.Templates = append(out.Templates, savedTemplate{t.business, *t})
	}
	s.catalog.mu.Unlock()
	s.sender.mu.Lock()
	for _, p := range s.sender.pending {
		out.Pending = append(out.Pending, p)
	}
	s.sender.mu.Unlock()
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, p := range s.world.people {
		if !p.silent {
			out.People = append(out.People, p.Person)
		}
	}
	for _, a := range s.world.accounts {
		saved := savedAccount{ID: a.ID(), ServiceMonth: a.serviceMonth, ServiceSent: a.serviceSent}
		for p := range a.blocked {
			saved.Blocked = append(saved.Blocked, p.ID)
		}
		out.Accounts = append(out.Accounts, saved)
	}
	for key, t := range s.world.threads {
		if !key.person.silent {
			out.Threads = append(out.Threads, savedThread{key.account.ID(), key.person.ID, t.lastInbound, t.adClick, t.entryUntil, t.messages})
		}
	}
	return json.Marshal(out)
}

// restore reads world.json, if there is one. It runs before anything else can look at the server.
func (s *Server) restore() error {
	if s.cfg.DataDir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(s.cfg.DataDir, "world.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("fakemeta: %w", err)
	}
	var in savedWorld
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("fakemeta: %s/world.json cannot be read; move it away to start afresh: %w", s.cfg.DataDir, err)
	}
	copy(s.mint.prefix[:], in.MintPrefix)
	s.mint.n.Store(in.Minted + mintSlack)
	for _, b := range in.Media {
		if b.bytes, err = os.ReadFile(filepath.Join(s.media.dir, b.ID)); err != nil {
			s.log.Warn("fakemeta: a media file is gone", "id", b.ID)
			continue
		}
		s.media.blobs[b.ID] = b
	}
	s.catalog.restore(in.Templates)
	s.world.restore(in)
	for _, p := range in.Pending {
		p.tried = make(chan struct{})
		p.lane, p.due = "", time.Now()
		s.sender.pending[p.ID] = p
		s.sender.due.Push(p)
		s.sender.n = max(s.sender.n, p.ID)
	}
	return nil
}

// restore takes the saved templates, with their ids, and then those of the configuration that are new.
func (c *catalog) restore(saved []savedTemplate) {
	configured := c.list
	c.list = nil
	for _, t := range saved {
		t.Template.business = t.Business
		c.addLocked(t.Template)
	}
	for _, t := range configured {
		if c.findLocked(t.business, t.Name, t.Language) == nil {
			c.list = append(c.list, t)
		}
	}
}

func (w *world) restore(in savedWorld) {
	for _, p := range in.People {
		n := &person{Person: p}
		w.people = append(w.people, n)
		w.indexLocked(n)
		w.touchPersonLocked(n)
	}
	for _, saved := range in.Accounts {
		a := w.account(saved.ID)
		if a == nil {
			continue // no longer configured
		}
		a.serviceMonth, a.serviceSent = saved.ServiceMonth, saved.ServiceSent
		for _, id := range saved.Blocked {
			if p := w.index[id]; p != nil {
				a.blocked[p] = true
			}
		}
	}
	for _, saved := range in.Threads {
		a, p := w.account(saved.Account), w.index[saved.Person]
		if a == nil || p == nil {
			continue
		}
		t := w.threadLocked(a, p)
		t.lastInbound, t.adClick, t.entryUntil = saved.LastInbound, saved.AdClick, saved.EntryUntil
		for _, m := range saved.Messages {
			w.showLocked(t, m)
		}
	}
}

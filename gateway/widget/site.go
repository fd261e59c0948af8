package widget

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// site is a web chat account as a page knows it.
type site struct {
	account chat.Account
	origins []string // that may show the chat
	look    look
}

// look is what the loader and the frame are told of an account. It holds no secret.
type look struct {
	Account   string   `json:"account"`
	Title     string   `json:"title"`
	Subtitle  string   `json:"subtitle,omitempty"`
	Greeting  string   `json:"greeting,omitempty"`
	Teaser    string   `json:"teaser,omitempty"`
	Language  string   `json:"language"` // auto, en, tr
	Fallback  string   `json:"fallback"` // for auto, where page and browser speak neither
	Theme     string   `json:"theme"`    // auto, light, dark
	Side      string   `json:"side"`     // end, start
	OffsetX   int      `json:"offset_x"`
	OffsetY   int      `json:"offset_y"`
	Colors    palette  `json:"colors"`
	TextLimit int      `json:"text_limit"`
	FileLimit int64    `json:"file_limit"` // bytes
	Accept    []string `json:"accept"`     // media types of files
}

// readSite reads an account's settings. What it cannot read has the driver's default.
func readSite(driver channels.Driver, account chat.Account) *site {
	get := func(name string) string {
		return strings.TrimSpace(channels.Account{Account: account}.Setting(driver, name))
	}
	byDefault := func(name string) string { return channels.Account{}.Setting(driver, name) }
	choice := func(name string, among ...string) string {
		for _, v := range among {
			if get(name) == v {
				return v
			}
		}
		return byDefault(name)
	}
	pixels := func(name string) int {
		n, err := strconv.Atoi(get(name))
		if err != nil || n < 0 || n > 1000 {
			n, _ = strconv.Atoi(byDefault(name)) // a number, by the driver's test
		}
		return n
	}
	limits := driver.Capabilities.Limits
	s := &site{account: account, origins: parseOrigins(get("allowed_origins"))}
	s.look = look{
		Account: account.ID.String(),
		Title:   limit(line(get("title")), nameLimit), Subtitle: limit(line(get("subtitle")), nameLimit),
		Greeting: limit(prose(get("greeting")), 500), Teaser: limit(line(get("teaser")), 160),
		Language: choice("language", "auto", "en", "tr"), Fallback: "en",
		Theme: choice("theme", "auto", "light", "dark"), Side: choice("side", "end", "start"),
		OffsetX: pixels("offset_x"), OffsetY: pixels("offset_y"),
		Colors: paletteOf(get("color")), TextLimit: limits.TextLimit,
	}
	if s.look.Title == "" {
		s.look.Title = limit(line(account.Name), nameLimit)
	}
	if strings.HasPrefix(account.Language, "tr") {
		s.look.Fallback = "tr"
	}
	for _, kind := range []chat.MessageKind{chat.KindImage, chat.KindVideo, chat.KindAudio, chat.KindDocument} {
		s.look.Accept = append(s.look.Accept, limits.Media[kind].Types...)
		s.look.FileLimit = max(s.look.FileLimit, limits.Media[kind].Bytes)
	}
	return s
}

// loadSite finds the site of an account that is switched on.
func (s *Server) loadSite(ctx context.Context, id chat.AccountID) (*site, error) {
	account, err := s.deps.Accounts.WebchatAccount(ctx, id)
	if err != nil {
		return nil, err
	}
	if account.State == chat.AccountDisabled {
		return nil, chat.Errorf(chat.CodeNotFound, "the account is switched off")
	}
	return readSite(s.cfg.Driver, account), nil
}

// siteCache remembers sites for a few seconds: every view of a page of every site asks for one. An account that is not
// there is remembered too. News of an account makes it forget at once.
type siteCache struct {
	load func(context.Context, chat.AccountID) (*site, error)
	now  func() time.Time

	mu   sync.Mutex
	held map[chat.AccountID]heldSite
}

type heldSite struct {
	site  *site
	err   error
	until time.Time
}

const (
	siteHeldFor  = 10 * time.Second
	maxHeldSites = 10_000
)

func (c *siteCache) get(ctx context.Context, id chat.AccountID) (*site, error) {
	now := c.now()
	c.mu.Lock()
	held, ok := c.held[id]
	c.mu.Unlock()
	if ok && now.Before(held.until) {
		return held.site, held.err
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	found, err := c.load(ctx, id)
	if err != nil && chat.CodeOf(err) != chat.CodeNotFound {
		if ok && held.site != nil {
			return held.site, nil // the record is away: what held a moment ago still holds
		}
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(c.held) >= maxHeldSites {
		c.held = map[chat.AccountID]heldSite{}
	}
	c.held[id] = heldSite{site: found, err: err, until: now.Add(siteHeldFor)}
	return found, err
}

func (c *siteCache) forget(id chat.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}

func (c *siteCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.held)
}

// agentCache remembers agents' names and presence for a few seconds: each notice of a busy conversation asks for one.
type agentCache struct {
	load func(context.Context, chat.AgentID) (chat.Agent, error)
	now  func() time.Time

	mu   sync.Mutex
	held map[chat.AgentID]heldAgent
}

type heldAgent struct {
	face  face
	until time.Time
}

// face is what a visitor sees of an agent.
type face struct {
	Name   string `json:"name"`
	Online bool   `json:"online"`
}

const maxHeldAgents = 10_000

// get returns an agent's face; the empty one for none and for an agent who is not there any more.
func (c *agentCache) get(ctx context.Context, id chat.AgentID) (face, error) {
	if chat.IsZero(id) {
		return face{}, nil
	}
	now := c.now()
	c.mu.Lock()
	held, ok := c.held[id]
	c.mu.Unlock()
	if ok && now.Before(held.until) {
		return held.face, nil
	}
	agent, err := c.load(ctx, id)
	if err != nil && chat.CodeOf(err) != chat.CodeNotFound {
		return face{}, err
	}
	f := face{Name: limit(line(agent.Name), nameLimit), Online: agent.PresenceAt(now) == chat.Online}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(c.held) >= maxHeldAgents {
		c.held = map[chat.AgentID]heldAgent{}
	}
	c.held[id] = heldAgent{face: f, until: now.Add(siteHeldFor)}
	return f, nil
}

func (c *agentCache) forget(id chat.AgentID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}

func (c *agentCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.held)
}

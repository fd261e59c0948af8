package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/fakemeta"
)

// Login is what a person needs to get into the demo.
type Login struct{ Email, Password, Phones string }

// demo is a seeded desk of a small shop, and a stand-in for Meta with phones to play its customers.
type demo struct {
	meta  *fakemeta.Server
	login Login
}

// startDemo seeds the desk the first time and starts the stand-in. Its address changes with each start; its tokens follow from
// the instance's key.
func (a *App) startDemo(ctx context.Context) (*demo, error) {
	if !a.cfg.Embedded() && a.servers == nil {
		return nil, misconfigured("--demo is for an instance with private servers: it plays with the clock")
	}
	world := fakemeta.MaviEv()
	word := func(purpose string) string { return hex.EncodeToString(a.key.Derive("demo " + purpose))[:32] }
	world.AccessToken, world.AppSecret, world.VerifyToken = word("access token"), word("app secret"), word("verify token")
	world.DataDir = filepath.Join(a.cfg.Data, "phones")
	world.DeskURL, world.Log, world.OpenWorld = "../", a.log, true
	world.Clock = a.now
	world.AdvanceClock = func(d time.Duration) {
		shift := a.store.Shifted() + d
		if d == 0 {
			shift = 0
		}
		a.store.Shift(shift)
		a.log.Info("the demo's clock was moved", "ahead", shift.String())
		a.bus.Publish(context.Background(), []chat.Notice{{Kind: chat.NoticeLost}}) // who keeps a clock looks at once
		if _, err := a.store.EnsurePartitions(context.Background()); err != nil {
			a.log.Error("partitions could not be made", "error", err.Error())
		}
	}
	meta, err := fakemeta.Start("127.0.0.1:0", world)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() { _ = meta.Close() })
	d := &demo{meta: meta}
	a.demo = d
	if d.login, err = a.seed(ctx); err != nil {
		return nil, err
	}
	return d, a.connectDemo(ctx, meta)
}

// subscribe tells the stand-in where its events go, once we listen.
func (d *demo) subscribe(ctx context.Context, callback string) error {
	return d.meta.Subscribe(ctx, callback)
}

// phones is the page on which the customers are played.
func (d *demo) phones() http.Handler { return d.meta.Demo() }

// connectDemo makes or refreshes the accounts that the stand-in plays.
func (a *App) connectDemo(ctx context.Context, meta *fakemeta.Server) error {
	have, err := a.desk.Accounts(ctx, Operator)
	if err != nil {
		return err
	}
	deps, err := a.desk.Departments(ctx, Operator)
	if err != nil || len(deps) == 0 {
		return errors.Join(err, errors.New("no department"))
	}
	for _, acc := range meta.Accounts() {
		settings := map[string]string{
			"access_token": acc.AccessToken, "app_secret": acc.AppSecret, "verify_token": acc.VerifyToken, "graph_base_url": meta.URL(),
		}
		form := chat.AccountForm{Kind: chat.ChannelKind(acc.Kind), Name: acc.Name, DepartmentID: deps[0].ID, Language: "tr", Settings: settings}
		main := "instagram_id"
		settings[main] = acc.InstagramID
		form.Address = "@" + acc.Username
		if acc.Kind == fakemeta.WhatsApp {
			delete(settings, main)
			main = "phone_number_id"
			settings[main], settings["business_account_id"], form.Address = acc.PhoneNumberID, acc.BusinessAccountID, "+"+acc.DisplayPhone
		}
		found := false
		for _, h := range have {
			if h.Kind == form.Kind && h.Settings[main] == settings[main] {
				found = true
				if _, err := a.desk.UpdateAccount(ctx, Operator, h.ID, chat.AccountPatch{Settings: settings}); err != nil {
					return err
				}
			}
		}
		if !found {
			v, err := a.desk.CreateAccount(ctx, Operator, form)
			if err != nil {
				return err
			}
			if form.Kind == chat.WhatsApp {
				if err := a.desk.AskForTemplates(ctx, Operator, v.ID); err != nil {
					return err
				}
			}
		}
	}
	for _, h := range have {
		if h.Kind == chat.Webchat {
			return nil
		}
	}
	sales := deps[0]
	for _, x := range deps {
		if x.Name == "Satış" {
			sales = x
		}
	}
	_, err = a.desk.CreateAccount(ctx, Operator, chat.AccountForm{
		Kind: chat.Webchat, Name: "maviev.com", Address: "maviev.com", DepartmentID: sales.ID, Language: "tr",
		Settings: map[string]string{
			"allowed_origins": a.cfg.Public(), "title": "Mavi Ev", "greeting": "Merhaba! Size nasıl yardımcı olabiliriz?",
		},
	})
	return err
}

// demoAgents are the people of the shop; the first is the administrator.
var demoAgents = []struct {
	name, email string
	role        chat.Role
	departments []int
	behavior    chat.Behavior
}{
	{"Deniz Acar", "deniz@maviev.example", chat.RoleAdmin, []int{0, 1, 2}, chat.BehaviorNormalAndAssigned},
	{"Merve Koç", "merve@maviev.example", chat.RoleManager, []int{0, 2}, chat.BehaviorNormalAndAssigned},
	{"Burak Ersoy", "burak@maviev.example", chat.RoleAgent, []int{0}, chat.BehaviorNormal},
	{"Aslı Yücel", "asli@maviev.example", chat.RoleAgent, []int{1}, chat.BehaviorNormal},
}

// seed makes the shop's desk the first time, the administrator last: a start that was broken off is made good by the next.
// All its people share one password, made up for this instance.
func (a *App) seed(ctx context.Context) (Login, error) {
	password := "mavi-ev-" + hex.EncodeToString(a.key.Derive("demo password"))[:10]
	login := Login{Email: demoAgents[0].email, Password: password}
	link, err := a.desk.SetupLink(ctx)
	if err != nil || link == "" {
		return login, err
	}
	var deps []chat.DepartmentID
	for i, d := range []chat.Department{
		{Name: "Destek", Description: "Siparişler ve ürünler", Policy: "least_busy", Sticky: true},
		{Name: "Satış", Description: "Stok, fiyat, kampanya", Policy: "round_robin", Sticky: true},
		{Name: "İade ve Değişim", Description: "Geri gönderimler", Policy: "longest_idle", Sticky: true},
	} {
		d.Color = i
		id, err := a.seedDepartment(ctx, d)
		if err != nil {
			return login, err
		}
		deps = append(deps, id)
	}
	for _, l := range []string{"Çözüldü", "Bilgi verildi", "İade başlatıldı", "Yanıt yok"} {
		if _, err := a.desk.CreateEndReason(ctx, Operator, l); err != nil && chat.CodeOf(err) != chat.CodeInUse {
			return login, err
		}
	}
	for _, l := range []string{"Öğle arası", "Kısa mola", "Toplantı"} {
		if _, err := a.desk.CreateBreakReason(ctx, Operator, l); err != nil && chat.CodeOf(err) != chat.CodeInUse {
			return login, err
		}
	}
	for _, r := range []chat.CannedReply{
		{Shortcut: "merhaba", Title: "Karşılama", Text: "Merhaba, Mavi Ev’e hoş geldiniz. Size nasıl yardımcı olabilirim?"},
		{Shortcut: "kargo", Title: "Kargo süresi", Text: "Siparişiniz 1–3 iş günü içinde kargoya verilir; takip numarasını buradan göndeririz."},
		{Shortcut: "iade", Title: "İade koşulları", Text: "Kullanılmamış ürünleri 14 gün içinde ücretsiz iade edebilirsiniz. Kargo kodunuzu hemen oluşturuyorum."},
		{Shortcut: "tesekkur", Title: "Teşekkür", Text: "Bize yazdığınız için teşekkür ederiz. İyi günler dileriz."},
	} {
		if _, err := a.desk.CreateCannedReply(ctx, Operator, r, false); err != nil && chat.CodeOf(err) != chat.CodeInUse {
			return login, err
		}
	}
	if _, _, err := a.desk.Setup(ctx, auth.HashLink(auth.LinkSetup, link), demoAgents[0].name, login.Email, password, "127.0.0.1", "seed"); err != nil {
		return login, err
	}
	if err := a.seedAgents(ctx, deps, password); err != nil {
		return login, err
	}
	a.log.Info("the demo's desk was seeded")
	return login, nil
}

// seedDepartment makes a department, or finds the one that an earlier start has made.
func (a *App) seedDepartment(ctx context.Context, d chat.Department) (chat.DepartmentID, error) {
	there, err := a.desk.Departments(ctx, Operator)
	if err != nil {
		return chat.DepartmentID{}, err
	}
	for _, x := range there {
		if x.Name == d.Name {
			return x.ID, nil
		}
	}
	card, err := a.desk.CreateDepartment(ctx, Operator, d)
	return card.ID, err
}

// seedAgents makes the other agents and gives the administrator their departments. Each has chosen the password already, so
// that nobody is asked for a first one in a demo.
func (a *App) seedAgents(ctx context.Context, deps []chat.DepartmentID, password string) error {
	all, err := a.desk.Agents(ctx, Operator)
	if err != nil {
		return err
	}
	for i, p := range demoAgents {
		var in []chat.DepartmentID
		for _, d := range p.departments {
			in = append(in, deps[d])
		}
		if i == 0 {
			behavior := p.behavior
			if _, err := a.desk.UpdateAgent(ctx, Operator, all[0].ID, chat.AgentPatch{Departments: &in, Behavior: &behavior}); err != nil {
				return err
			}
			continue
		}
		first := password + "-first"
		if _, err := a.desk.CreateAgent(ctx, Operator, chat.AgentForm{
			Name: p.name, Email: p.email, Role: p.role, Behavior: p.behavior, Capacity: chat.DefaultCapacity, Languages: []string{"tr", "en"}, Departments: in,
		}, first); err != nil {
			return err
		}
		token, agent, err := a.desk.SignIn(ctx, p.email, first, "", "127.0.0.1", "seed")
		if err != nil {
			return err
		}
		me := chat.Principal{AgentID: agent.ID, Role: agent.Role}
		if err := a.desk.ChangePassword(ctx, me, auth.HashToken(token), first, password); err != nil {
			return err
		}
		if err := a.desk.SignOut(ctx, auth.HashToken(token)); err != nil {
			return err
		}
	}
	return nil
}

// setupURL is the one-time address at which the first admin is made; empty if there is one.
func (a *App) setupURL(ctx context.Context) (string, error) {
	link, err := a.desk.SetupLink(ctx)
	if err != nil || link == "" {
		return "", err
	}
	return a.cfg.Public() + "/setup/" + link, nil
}

// banner tells a person what runs where.
func (r Ready) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nGatehouse is ready.\n  Inbox    %s\n", r.URL+"/")
	if r.Demo.Email != "" {
		fmt.Fprintf(&b, "  Sign in  %s\n  Password %s\n  Phones   %s\n", r.Demo.Email, r.Demo.Password, r.Demo.Phones)
	}
	if r.SetupURL != "" {
		fmt.Fprintf(&b, "  First    %s (makes the first administrator; works once, for a day)\n", r.SetupURL)
	}
	fmt.Fprintf(&b, "  Ops      %s\n\n", r.Ops+"/metrics")
	return b.String()
}

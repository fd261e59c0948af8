package api

import (
	"context"
	"slices"
	"time"

	"gatehouse/channels"
	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type accounts interface {
	Accounts(ctx context.Context, p chat.Principal) ([]chat.AccountView, error)
	CreateAccount(ctx context.Context, p chat.Principal, f chat.AccountForm) (chat.AccountView, error)
	UpdateAccount(ctx context.Context, p chat.Principal, id chat.AccountID, c chat.AccountPatch) (chat.AccountView, error)
	DisableAccount(ctx context.Context, p chat.Principal, id chat.AccountID) (chat.AccountView, error)
	EnableAccount(ctx context.Context, p chat.Principal, id chat.AccountID) (chat.AccountView, error)
}

// KindInfo is a channel kind: what an account needs and what the channel can do.
type KindInfo struct {
	Kind     chat.ChannelKind `json:"kind"`
	Label    string           `json:"label"`
	Settings []KindSetting    `json:"settings"`
	Limits   chat.Limits      `json:"limits"`
	Window   KindWindow       `json:"window"`
	Webhook  bool             `json:"webhook"`
}

// KindSetting is one field of an account's form.
type KindSetting struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Help     string `json:"help,omitempty"`
	Secret   bool   `json:"secret"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
}

// KindWindow is a channel's service-window rule.
type KindWindow struct {
	OpenS       int64 `json:"open_s"`
	HumanAgentS int64 `json:"human_agent_s"`
	Templates   bool  `json:"templates"`
	FreeEntryS  int64 `json:"free_entry_s"`
}

// ListKinds are the channel kinds of this build.
func (a *API) ListKinds(c *web.Call, p web.Paging) (web.Page[KindInfo], error) {
	return paged(c, p, a.kinds)
}

func (a *API) kinds(*web.Call) ([]KindInfo, error) {
	out := make([]KindInfo, len(a.Drivers))
	for i, d := range a.Drivers {
		out[i] = newKind(d)
	}
	return out, nil
}

func newKind(d channels.Driver) KindInfo {
	w, limits := d.Capabilities.Window, d.Capabilities.Limits
	media := map[chat.MessageKind]chat.MediaLimit{}
	for kind, m := range limits.Media {
		m.Types = append([]string{}, m.Types...) // [] rather than null
		media[kind] = m
	}
	limits.Media = media
	settings := make([]KindSetting, len(d.Settings))
	for i, s := range d.Settings {
		settings[i] = KindSetting{s.Name, s.Label, s.Help, s.Secret, s.Required, s.Default}
	}
	return KindInfo{
		Kind: d.Kind, Label: d.Label, Settings: settings, Limits: limits, Webhook: d.Webhook != nil,
		Window: KindWindow{int64(w.Open / time.Second), int64(w.HumanAgent / time.Second), w.Templates, int64(w.FreeEntry / time.Second)},
	}
}

// ChannelAccount is one connected number, page or site. Settings, secrets_set and webhook_url are for those who may change
// it.
type ChannelAccount struct {
	ID                chat.AccountID    `json:"id"`
	Kind              chat.ChannelKind  `json:"kind"`
	Name              string            `json:"name"`
	Address           string            `json:"address"`
	State             chat.AccountState `json:"state"`
	StateReason       string            `json:"state_reason"`
	DepartmentID      chat.DepartmentID `json:"department_id"`
	Language          string            `json:"language"`
	Settings          map[string]string `json:"settings"`
	SecretsSet        []string          `json:"secrets_set"`
	WebhookURL        string            `json:"webhook_url,omitempty"`
	TemplatesSyncedAt time.Time         `json:"templates_synced_at,omitzero"`
}

func (a *API) newAccount(c *web.Call, v chat.AccountView) ChannelAccount {
	out := ChannelAccount{
		ID: v.ID, Kind: v.Kind, Name: v.Name, Address: v.Address, State: v.State, StateReason: v.StateReason,
		DepartmentID: v.DepartmentID, Language: v.Language, Settings: v.Settings, SecretsSet: v.SecretsSet,
		TemplatesSyncedAt: v.TemplatesSyncedAt,
	}
	if out.Settings == nil {
		out.Settings = map[string]string{}
	}
	if out.SecretsSet == nil {
		out.SecretsSet = []string{}
	}
	i := slices.IndexFunc(a.Drivers, func(d channels.Driver) bool { return d.Kind == v.Kind })
	if i >= 0 && a.Drivers[i].Webhook != nil && c.P().Need(chat.PermissionAccounts) == nil {
		out.WebhookURL = a.PublicURL + "/webhooks/" + string(v.Kind) + "/" + v.ID.String()
		if a.Drivers[i].Webhook.Object != "" {
			out.WebhookURL = a.PublicURL + "/webhooks/meta"
		}
	}
	return out
}

// ListAccounts are all accounts.
func (a *API) ListAccounts(c *web.Call, p web.Paging) (web.Page[ChannelAccount], error) {
	return paged(c, p, a.accounts)
}

func (a *API) accounts(c *web.Call) ([]ChannelAccount, error) {
	found, err := a.Desk.Accounts(c, c.P())
	if err != nil {
		return nil, err
	}
	out := make([]ChannelAccount, len(found))
	for i, v := range found {
		out[i] = a.newAccount(c, v)
	}
	return out, nil
}

// AccountForm is an account to be made. Settings holds plain and secret ones.
type AccountForm struct {
	Kind         chat.ChannelKind  `json:"kind"`
	Name         string            `json:"name"`
	DepartmentID chat.DepartmentID `json:"department_id"`
	Language     string            `json:"language,omitempty"`
	Address      string            `json:"address,omitempty"`
	Settings     map[string]string `json:"settings"`
}

// CreateAccount connects an account.
func (a *API) CreateAccount(c *web.Call, in AccountForm) (ChannelAccount, error) {
	return a.account(c)(a.Desk.CreateAccount(c, c.P(), chat.AccountForm{
		Kind: in.Kind, Name: in.Name, Address: in.Address, DepartmentID: in.DepartmentID, Language: in.Language, Settings: in.Settings,
	}))
}

type onAccount struct {
	ID chat.AccountID `path:"id" json:"-"`
}

// AccountPatch is a change of an account; an absent field stays, and so does a setting that is not named.
type AccountPatch struct {
	onAccount
	Name         *string            `json:"name,omitempty"`
	DepartmentID *chat.DepartmentID `json:"department_id,omitempty"`
	Language     *string            `json:"language,omitempty"`
	Address      *string            `json:"address,omitempty"`
	Settings     map[string]string  `json:"settings,omitempty"`
}

// PatchAccount changes an account.
func (a *API) PatchAccount(c *web.Call, in AccountPatch) (ChannelAccount, error) {
	return a.account(c)(a.Desk.UpdateAccount(c, c.P(), in.ID, chat.AccountPatch{
		Name: in.Name, Address: in.Address, DepartmentID: in.DepartmentID, Language: in.Language, Settings: in.Settings,
	}))
}

// DisableAccount switches an account off.
func (a *API) DisableAccount(c *web.Call, in onAccount) (ChannelAccount, error) {
	return a.account(c)(a.Desk.DisableAccount(c, c.P(), in.ID))
}

// EnableAccount switches it on again.
func (a *API) EnableAccount(c *web.Call, in onAccount) (ChannelAccount, error) {
	return a.account(c)(a.Desk.EnableAccount(c, c.P(), in.ID))
}

// CheckAccount asks the provider whether an account works, and shows it as it stands then.
func (a *API) CheckAccount(c *web.Call, in onAccount) (ChannelAccount, error) {
	if _, err := a.find(c, in.ID); err != nil {
		return ChannelAccount{}, err
	}
	if err := a.Deps.CheckAccount(c, in.ID); err != nil {
		return ChannelAccount{}, err
	}
	return a.find(c, in.ID)
}

// find shows one account.
func (a *API) find(c *web.Call, id chat.AccountID) (ChannelAccount, error) {
	found, err := a.Desk.Accounts(c, c.P())
	if err != nil {
		return ChannelAccount{}, err
	}
	i := slices.IndexFunc(found, func(v chat.AccountView) bool { return v.ID == id })
	if i < 0 {
		return ChannelAccount{}, chat.Errorf(chat.CodeNotFound, "no such account")
	}
	return a.newAccount(c, found[i]), nil
}

func (a *API) account(c *web.Call) func(chat.AccountView, error) (ChannelAccount, error) {
	return func(v chat.AccountView, err error) (ChannelAccount, error) {
		if err != nil {
			return ChannelAccount{}, err
		}
		return a.newAccount(c, v), nil
	}
}

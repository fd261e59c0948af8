package api

import (
	"context"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/templates"
)

type messageTemplates interface {
	Templates(ctx context.Context, p chat.Principal, account chat.AccountID, conversation chat.ConversationID) ([]desk.TemplateView, error)
	TemplateNamed(ctx context.Context, p chat.Principal, id chat.ConversationID, name, language string) (chat.TemplateID, error)
	PreviewTemplate(ctx context.Context, p chat.Principal, id chat.TemplateID, values templates.Values) (templates.Preview, []templates.Problem, error)
	AskForTemplates(ctx context.Context, p chat.Principal, id chat.AccountID) error
}

// Template is a message template that the provider approved, or not yet.
type Template struct {
	ID             chat.TemplateID    `json:"id"`
	AccountID      chat.AccountID     `json:"account_id"`
	Name           string             `json:"name"`
	Language       string             `json:"language"`
	Category       templates.Category `json:"category"`
	Status         templates.Status   `json:"status"`
	Quality        string             `json:"quality"`
	RejectedReason string             `json:"rejected_reason,omitempty"`
	Usable         bool               `json:"usable"`
	Reason         string             `json:"reason,omitempty"`
	Variables      []Variable         `json:"variables"`
	Preview        TemplatePreview    `json:"preview"`
}

// Variable is one field of the form in front of the agent.
type Variable struct {
	Key       string                  `json:"key"`
	Component templates.ComponentType `json:"component"`
	Kind      templates.Kind          `json:"kind"`
	Label     string                  `json:"label"`
	Example   string                  `json:"example,omitempty"`
	Max       int                     `json:"max"`
}

// TemplatePreview is the message as the customer sees it.
type TemplatePreview struct {
	Header  *PreviewHeader  `json:"header,omitempty"`
	Body    []Run           `json:"body"`
	Footer  string          `json:"footer,omitempty"`
	Buttons []PreviewButton `json:"buttons"`
}

// PreviewHeader is a header: a kind, and text if it is one.
type PreviewHeader struct {
	Kind templates.HeaderFormat `json:"kind"`
	Runs []Run                  `json:"runs,omitempty"`
}

// PreviewButton is a button with what it opens.
type PreviewButton struct {
	Kind templates.ButtonType `json:"kind"`
	Text string               `json:"text"`
	URL  string               `json:"url,omitempty"`
}

// Run is a stretch of shown text; Variable is the key of the value that fills it.
type Run struct {
	Text     string `json:"text"`
	Variable string `json:"variable,omitempty"`
}

// TemplateFilter is whose templates.
type TemplateFilter struct {
	Account      chat.AccountID      `query:"account" json:"-"`
	Conversation chat.ConversationID `query:"conversation" json:"-"`
	web.Paging
}

// ListTemplates are those of all accounts, of one, or of a conversation's with the best first.
func (a *API) ListTemplates(c *web.Call, f TemplateFilter) (web.Page[Template], error) {
	if !chat.IsZero(f.Account) && !chat.IsZero(f.Conversation) {
		return web.Page[Template]{}, chat.Errorf(chat.CodeInvalid, "of an account or of a conversation").With("field", "account")
	}
	found, err := a.Desk.Templates(c, c.P(), f.Account, f.Conversation)
	if err != nil {
		return web.Page[Template]{}, err
	}
	page, err := web.PageOf(c, found, f.Paging)
	out := make([]Template, len(page.Items))
	for i, v := range page.Items {
		out[i] = newTemplate(v)
	}
	return web.Page[Template]{Items: out, Next: page.Next}, err
}

func newTemplate(v desk.TemplateView) Template {
	t := v.Template
	out := Template{
		ID: v.ID, AccountID: v.AccountID, Name: t.Name, Language: t.Language, Category: t.Category, Status: t.Status,
		Quality: string(t.Quality), RejectedReason: t.RejectedReason, Usable: v.Usable, Reason: v.Reason, Variables: []Variable{},
	}
	examples := templates.Values{}
	for _, x := range templates.Variables(t) {
		out.Variables = append(out.Variables, Variable{x.Key, x.Component, x.Kind, x.Label, x.Example, x.Max})
		if x.Example != "" && x.Max > 0 {
			examples[x.Key] = templates.Text(x.Example)
		}
	}
	m, _ := templates.Render(t, examples) // a preview with examples may well be incomplete
	out.Preview = newPreview(m.Preview)
	return out
}

func newPreview(p templates.Preview) TemplatePreview {
	out := TemplatePreview{Body: runs(p.Body), Footer: p.Footer, Buttons: []PreviewButton{}}
	if h := p.Header; h != nil {
		out.Header = &PreviewHeader{Kind: h.Format}
		if h.Format == templates.FormatText {
			out.Header.Runs = runs(h.Text)
		}
	}
	for _, b := range p.Buttons {
		button := PreviewButton{Kind: b.Type, Text: b.Text}
		if b.Type == templates.URL {
			for _, s := range b.Target {
				button.URL += s.Text
			}
		}
		out.Buttons = append(out.Buttons, button)
	}
	return out
}

func runs(spans []templates.Span) []Run {
	out := make([]Run, len(spans))
	for i, s := range spans {
		out[i] = Run{s.Text, s.Variable}
	}
	return out
}

// TemplateValues are a template's values by the keys of its variables.
type TemplateValues struct {
	ID     chat.TemplateID  `path:"id" json:"-"`
	Values templates.Values `json:"values"`
}

// TemplateCheck is a template filled in, and what is still wrong.
type TemplateCheck struct {
	Preview  TemplatePreview   `json:"preview"`
	Problems []TemplateProblem `json:"problems"`
}

// TemplateProblem is one thing to put right.
type TemplateProblem struct {
	Variable string         `json:"variable"`
	Code     templates.Code `json:"code"`
	Message  string         `json:"message"`
	Limit    int            `json:"limit,omitempty"`
}

// PreviewTemplate fills a template in without sending it.
func (a *API) PreviewTemplate(c *web.Call, in TemplateValues) (TemplateCheck, error) {
	preview, problems, err := a.Desk.PreviewTemplate(c, c.P(), in.ID, typed(in.Values))
	if err != nil {
		return TemplateCheck{}, err
	}
	out := TemplateCheck{Preview: newPreview(preview), Problems: make([]TemplateProblem, len(problems))}
	for i, p := range problems {
		out.Problems[i] = TemplateProblem{p.Field, p.Code, p.Message(), p.Limit}
	}
	return out, nil
}

// SyncTemplates has an account's templates read from the provider again.
func (a *API) SyncTemplates(c *web.Call, in onAccount) error {
	return a.Desk.AskForTemplates(c, c.P(), in.ID)
}

package whatsapp

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
	"gatehouse/templates"
)

// templateFields are the webhooks about templates, and what chat.InboundTemplate calls them.
var templateFields = map[templates.Field]string{
	templates.FieldStatus: "status", templates.FieldQuality: "quality", templates.FieldCategory: "category", templates.FieldComponents: "components",
}

// news is the union of the values of the fields that are about an account.
type news struct {
	Event   graph.Loose `json:"event"`
	Display graph.Loose `json:"display_phone_number"`

	// phone_number_name_update, account_review_update
	Decision graph.Loose `json:"decision"`
	Name     graph.Loose `json:"requested_verified_name"`
	Reason   graph.Loose `json:"rejection_reason"`

	// phone_number_quality_update, business_capability_update: a number or a name such as TIER_2K
	Daily graph.Loose `json:"max_daily_conversations_per_business"`
	Limit graph.Loose `json:"current_limit"`

	// security
	Requester graph.Loose `json:"requester"`

	// account_alerts
	Alert struct {
		Severity    graph.Loose `json:"alert_severity"`
		Type        graph.Loose `json:"alert_type"`
		Description graph.Loose `json:"alert_description"`
	} `json:"alert_info"`

	// account_update
	Ban struct {
		State graph.Loose `json:"waba_ban_state"`
	} `json:"ban_info"`
	Violation struct {
		Type graph.Loose `json:"violation_type"`
	} `json:"violation_info"`
	Disconnection struct {
		Reason graph.Loose `json:"reason"`
		By     graph.Loose `json:"initiated_by"`
	} `json:"disconnection_info"`
	Restrictions []struct {
		Type    graph.Loose `json:"restriction_type"`
		Expires graph.Loose `json:"expiration"`
	} `json:"restriction_info"`
}

// account reads a field that is about the account or its templates.
func (r *reader) account(c change, entryTime graph.Loose) {
	at, _ := entryTime.Time()
	if name, ok := templateFields[templates.Field(c.Field)]; ok {
		r.template(c, name, at)
		return
	}
	var n news
	if c.bad || json.Unmarshal(c.raw, &n) != nil {
		r.ignore(graph.NoteMalformed)
		return
	}
	issue := chat.InboundAccount{Event: c.Field, Number: digits(n.Display)}
	switch c.Field {
	case "account_update":
		n.accountUpdate(&issue)
	case "phone_number_quality_update":
		n.quality(&issue)
	case "phone_number_name_update":
		issue.Detail = words(string(n.Decision), string(n.Name), string(n.Reason))
	case "business_capability_update":
		issue.Detail = words("conversations a day:", string(n.Daily))
	case "account_alerts":
		issue.Event, issue.Detail = string(n.Alert.Type), words(string(n.Alert.Severity)+":", string(n.Alert.Description))
	case "account_review_update":
		issue.Detail = string(n.Decision)
	case "security":
		issue.Event, issue.Detail = string(n.Event), words("requested by", string(n.Requester))
	default:
		r.ignore(graph.NoteUnknownField)
		return
	}
	r.add(chat.Inbound{Kind: chat.InboundAccountKind, At: at, Issue: &issue})
}

// accountUpdate says what becomes of the account. Detail is for the admin; the state is what it means for sending.
func (n news) accountUpdate(issue *chat.InboundAccount) {
	issue.Event = string(n.Event)
	switch n.Event {
	case "DISABLED_UPDATE":
		issue.Detail = string(n.Ban.State)
		switch n.Ban.State {
		case "DISABLE":
			issue.State = chat.AccountDisconnected
		case "SCHEDULE_FOR_DISABLE":
			issue.State = chat.AccountDegraded
		case "REINSTATE":
			issue.State = chat.AccountConnected
		}
	case "ACCOUNT_RESTRICTION":
		n.restriction(issue)
	case "ACCOUNT_VIOLATION":
		issue.State, issue.Detail = chat.AccountDegraded, string(n.Violation.Type)
	case "ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED", "PARTNER_REMOVED", "PARTNER_APP_UNINSTALLED":
		issue.State, issue.Detail = chat.AccountDisconnected, words(string(n.Disconnection.Reason), string(n.Disconnection.By))
	case "ACCOUNT_RECONNECTED":
		issue.State = chat.AccountConnected
	}
}

// restriction stops templates while the business may not begin conversations. One that only forbids more numbers does
// not concern us.
func (n news) restriction(issue *chat.InboundAccount) {
	var types []string
	for _, x := range n.Restrictions {
		types = append(types, string(x.Type))
		if x.Type == "RESTRICTED_ADD_PHONE_NUMBER_ACTION" {
			continue
		}
		issue.State = chat.AccountDegraded
		if until, _ := x.Expires.Time(); until.After(issue.TemplatesBlockedUntil) {
			issue.TemplatesBlockedUntil = until
		}
	}
	issue.Detail = strings.Join(types, " ")
}

// upgraded is the throughput of a number that Meta has upgraded, in messages a second (throughput page, 2026-05-21).
const upgraded = 1000

func (n news) quality(issue *chat.InboundAccount) {
	issue.Event = string(n.Event)
	issue.Detail = words("conversations a day:", string(n.Daily))
	if n.Daily == "" {
		issue.Detail = words("limit:", string(n.Limit))
	}
	switch n.Event {
	case "THROUGHPUT_UPGRADE":
		issue.PerSecond = upgraded
	case "FLAGGED":
		issue.State = chat.AccountDegraded
	}
}

func (r *reader) template(c change, field string, at time.Time) {
	event, err := templates.ParseEvent(templates.Field(c.Field), c.raw, at)
	value := graph.Keep(c.raw)
	if err != nil || value == nil || event.TemplateID == "" && event.Name == "" {
		r.ignore(graph.NoteMalformed)
		return
	}
	t := &chat.InboundTemplate{
		ProviderID: event.TemplateID, Name: event.Name, Language: event.Language, Field: field, Reason: event.Reason, Value: value,
	}
	switch templates.Field(c.Field) {
	case templates.FieldStatus:
		t.Event = event.Status
	case templates.FieldQuality:
		t.Event = string(event.Quality)
	case templates.FieldCategory:
		t.Event = string(event.Category)
	}
	r.add(chat.Inbound{Kind: chat.InboundTemplateKind, At: at, Template: t})
}

// trouble passes an error on that is about no single message. What it means for sending is what the same error would mean
// in an answer.
func (r *reader) trouble(event string, e graph.Error) {
	issue := chat.InboundAccount{Event: event, Detail: words(e.Number(), e.Detail())}
	if e.Refusal().Effect == chat.EffectAccountBroken {
		issue.State = chat.AccountDisconnected
	}
	r.add(chat.Inbound{Kind: chat.InboundAccountKind, Issue: &issue})
}

func words(s ...string) string {
	return strings.Join(strings.Fields(strings.Join(s, " ")), " ")
}

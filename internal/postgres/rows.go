package postgres

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// fields are the places of a generated row's columns, in the order in which sqlc.embed selects them.
func fields[T any](row *T) []any {
	v := reflect.ValueOf(row).Elem()
	out := make([]any, v.NumField())
	for i := range out {
		out[i] = v.Field(i).Addr().Interface()
	}
	return out
}

func templateRow(g gen.Template) chat.TemplateRow {
	return chat.TemplateRow{
		ID: g.ID, AccountID: g.AccountID, ProviderID: g.ProviderID, Name: g.Name, Language: g.Language,
		Definition: g.Definition, Gone: g.GoneAt != nil,
	}
}

func conversation(g gen.Conversation) (chat.Conversation, error) {
	c := chat.Conversation{
		ID: g.ID, AccountID: g.AccountID, IdentityID: g.IdentityID, ContactID: g.ContactID, DepartmentID: g.DepartmentID,
		AgentID: id(g.AgentID), Status: chat.ConversationStatus(g.Status), Controller: chat.Controller(g.Controller),
		Priority: int(g.Priority), WindowOpenedAt: at(g.WindowOpenedAt), WindowShutAt: at(g.WindowShutAt),
		FreeEntryUntil: at(g.FreeEntryUntil), LastSeq: g.LastSeq, ReadSeq: g.ReadSeq, UnreadCount: int(g.UnreadCount),
		LastMessageAt: g.LastMessageAt.UTC(), ReturnedBy: id(g.ReturnedBy), LastInboundAt: at(g.LastInboundAt), WaitingSince: at(g.WaitingSince),
		AssignedAt: at(g.AssignedAt), CreatedAt: g.CreatedAt.UTC(), EndedAt: at(g.EndedAt), EndedBy: id(g.EndedBy),
		EndReasonID: id(g.EndReasonID), EndNote: g.EndNote,
	}
	if err := json.Unmarshal(g.Preview, &c.Preview); err != nil {
		return c, fmt.Errorf("preview of conversation %s: %w", c.ID, err)
	}
	return c, nil
}

func message(g gen.Message) (chat.Message, error) {
	m := chat.Message{
		ID: g.ID, ConversationID: g.ConversationID, AccountID: g.AccountID, Seq: g.Seq, Direction: chat.Direction(g.Direction),
		Kind: chat.MessageKind(g.Kind), Text: g.Text, Status: chat.MessageStatus(g.Status), AgentID: id(g.AgentID),
		Source: chat.Source(g.Source), ExternalID: g.ExternalID, ReplyTo: id(g.ReplyTo), ReplyExternal: g.ReplyExternal,
		ProviderAt: at(g.ProviderAt), CreatedAt: g.CreatedAt.UTC(), Late: g.Late, EditedAt: at(g.EditedAt),
		DeletedAt: at(g.DeletedAt), Attempt: int(g.Attempt), Fence: g.Fence, Automated: g.Automated,
		DueAt: at(g.DueAt),
	}
	if len(g.Content) > 0 {
		if err := json.Unmarshal(g.Content, &m.Content); err != nil {
			return m, fmt.Errorf("content of message %s: %w", m.ID, err)
		}
	}
	if len(g.Error) > 0 {
		m.Error = new(chat.MessageError)
		if err := json.Unmarshal(g.Error, m.Error); err != nil {
			return m, fmt.Errorf("error of message %s: %w", m.ID, err)
		}
	}
	return m, nil
}

// conversationRows reads conversations with what is shown of their contact: the columns of LockConversations.
func conversationRows(rows pgx.Rows, kind chat.ChannelKind) (out []chat.ConversationRow, err error) {
	err = eachConversation(rows, kind, func(_ *gen.Conversation, c chat.ConversationRow) { out = append(out, c) })
	return out, err
}

func eachConversation(rows pgx.Rows, kind chat.ChannelKind, f func(*gen.Conversation, chat.ConversationRow)) error {
	defer rows.Close()
	for rows.Next() {
		var (
			g             gen.Conversation
			profile, user string
			typ           chat.AddressType
			value         string
			name          string
			optedOut      *time.Time
		)
		if err := rows.Scan(append(fields(&g), &name, &profile, &user, &typ, &value, &optedOut)...); err != nil {
			return err
		}
		c, err := conversation(g)
		if err != nil {
			return err
		}
		f(&g, chat.NewConversationRow(c, kind, name, chat.Identity{
			ProfileName: profile, Username: user, Address: chat.Address{Type: typ, Value: value},
		}, at(optedOut)))
	}
	return rows.Err()
}

func account(g gen.ChannelAccount, keys json.RawMessage) (chat.Account, error) {
	a := chat.Account{
		ID: g.ID, Kind: chat.ChannelKind(g.Kind), Name: g.Name, Address: g.Address, State: chat.AccountState(g.State),
		StateReason: g.StateReason, DepartmentID: g.DepartmentID, Language: g.Language, CreatedAt: g.CreatedAt.UTC(),
		PerSecond: int(g.PerSecond), TemplatesBlockedUntil: at(g.TemplatesBlockedUntil), TemplatesSyncedAt: at(g.TemplatesSyncedAt),
	}
	if err := json.Unmarshal(g.Settings, &a.Settings); err != nil {
		return a, fmt.Errorf("settings of account %s: %w", a.ID, err)
	}
	if err := json.Unmarshal(keys, &a.Keys); err != nil {
		return a, fmt.Errorf("keys of account %s: %w", a.ID, err)
	}
	return a, nil
}

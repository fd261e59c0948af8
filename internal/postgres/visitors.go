package postgres

import (
	"context"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/google/uuid"
)

// CreateVisitor stores a new web chat visitor; address.Value is its id.
func (s *Store) CreateVisitor(ctx context.Context, account chat.AccountID, address chat.Address, tokenHash []byte) error {
	id, err := uuid.Parse(address.Value)
	if err != nil {
		return chat.Errorf(chat.CodeInvalid, "a visitor's id is a UUID")
	}
	return wrap(s.q.CreateVisitor(ctx, id, account, tokenHash))
}

// Visitor finds a visitor of the account by the token's hash. ID and Thread are none before the first message.
// CodeSessionOver: no such token on this account.
func (s *Store) Visitor(ctx context.Context, account chat.AccountID, tokenHash []byte) (chat.Identity, error) {
	ids, err := s.q.VisitorByToken(ctx, tokenHash, account)
	if err != nil {
		return chat.Identity{}, wrap(err)
	}
	if len(ids) == 0 {
		return chat.Identity{}, chat.Errorf(chat.CodeSessionOver, "no such visitor")
	}
	address := chat.Address{Kind: chat.Webchat, Scope: account.String(), Type: chat.AddressVisitor, Value: uuid.UUID(ids[0]).String()}
	return s.visitorIdentity(ctx, address)
}

func (s *Store) visitorIdentity(ctx context.Context, a chat.Address) (chat.Identity, error) {
	out := chat.Identity{Address: a}
	rows, err := s.q.IdentityOfVisitor(ctx, a.Value, a.Scope)
	if err != nil {
		return out, wrap(err)
	}
	if len(rows) == 1 {
		out.ID, out.ContactID, out.Thread, out.ProfileName = rows[0].ID, rows[0].ContactID, rows[0].ThreadID, rows[0].ProfileName
	}
	return out, nil
}

// VisitorThread reads the visitor's conversation and the newest limit events of all of its conversations that a visitor may
// see and that are older than before, oldest first.
func (s *Store) VisitorThread(ctx context.Context, account chat.AccountID, visitor chat.Address, before chat.Event, limit int) (*chat.ConversationRow, []chat.ThreadEvent, error) {
	who, err := s.visitorIdentity(ctx, visitor)
	if err != nil || chat.IsZero(who.ID) {
		return nil, nil, err
	}
	convs, err := s.q.VisitorConversations(ctx, who.Thread, account)
	if err != nil || len(convs) == 0 {
		return nil, nil, wrap(err)
	}
	rows, err := s.ConversationRows(ctx, convs[:1])
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	if limit == 0 {
		return &rows[0], nil, nil
	}
	arg := gen.VisitorEventsParams{ConversationIds: column(convs, func(c *chat.ConversationID) uid { return uid(*c) }), BeforeAt: time.Now(), Most: int32(limit)}
	if before.Seq > 0 {
		if !slices.Contains(convs, before.ConversationID) {
			return nil, nil, chat.Errorf(chat.CodeNotFound, "no such event")
		}
		at, err := s.q.EventPlace(ctx, before.ConversationID, before.Seq)
		if err != nil {
			return nil, nil, wrap(err)
		}
		if len(at) == 0 {
			return nil, nil, chat.Errorf(chat.CodeNotFound, "no such event")
		}
		arg.Bounded, arg.BeforeAt, arg.BeforeSeq = true, at[0].At, at[0].Seq
	}
	found, err := s.pool.Query(ctx, gen.VisitorEvents, arg.ConversationIds, arg.Bounded, arg.BeforeAt, arg.BeforeSeq, arg.Most)
	if err != nil {
		return nil, nil, wrap(err)
	}
	events, err := s.threadEvents(ctx, found)
	slices.Reverse(events)
	return &rows[0], events, err
}

// VisitorMessage finds a message of the visitor by the id that its browser gave it.
func (s *Store) VisitorMessage(ctx context.Context, account chat.AccountID, visitor chat.Address, externalID string) (chat.ThreadMessage, error) {
	who, err := s.visitorIdentity(ctx, visitor)
	if err != nil {
		return chat.ThreadMessage{}, err
	}
	ids, err := s.q.VisitorMessageID(ctx, externalID, account)
	if err != nil {
		return chat.ThreadMessage{}, wrap(err)
	}
	if len(ids) == 0 || chat.IsZero(who.ID) {
		return chat.ThreadMessage{}, chat.Errorf(chat.CodeNotFound, "no such message")
	}
	m, err := s.Message(ctx, ids[0])
	if err != nil {
		return m, err
	}
	rows, err := s.ConversationRows(ctx, []chat.ConversationID{m.ConversationID})
	if err != nil {
		return chat.ThreadMessage{}, err
	}
	if len(rows) == 0 || rows[0].IdentityID != who.Thread {
		return chat.ThreadMessage{}, chat.Errorf(chat.CodeNotFound, "no such message")
	}
	return m, nil
}

// VisitorSees refuses a conversation that is not the visitor's, and a message of it that is a note.
func (s *Store) VisitorSees(ctx context.Context, account chat.AccountID, visitor chat.Address, conversation chat.ConversationID, message chat.MessageID) error {
	who, err := s.visitorIdentity(ctx, visitor)
	if err != nil {
		return err
	}
	rows, err := s.ConversationRows(ctx, []chat.ConversationID{conversation})
	if err != nil {
		return err
	}
	if chat.IsZero(who.ID) || len(rows) == 0 || rows[0].IdentityID != who.Thread || rows[0].AccountID != account {
		return chat.Errorf(chat.CodeNotFound, "no such file")
	}
	m, err := s.Message(ctx, message)
	if err != nil {
		return err
	}
	if m.Direction == chat.Note {
		return chat.Errorf(chat.CodeNotFound, "no such file")
	}
	return nil
}

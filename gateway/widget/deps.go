package widget

import (
	"context"
	"io"
	"log/slog"
	"time"

	"gatehouse/internal/chat"
)

// Deps are what the door needs of the house. A visitor is a chat.Identity: its Address always, its ID and Thread as soon
// as the visitor has written. Every method that takes a visitor answers for that one visitor of that one account only
// (RELIABILITY.md I20, S39).
type Deps struct {
	Accounts Accounts
	Visitors Visitors
	Threads  Threads
	Agents   Agents
	Files    Files

	// Accept stores raw events durably and returns nil only after the commit.
	Accept func(context.Context, []chat.RawEvent) error
	// Subscribe calls with every notice from then on, in the order in which this process hears them, until cancel. The
	// callback does not block.
	Subscribe func(func(chat.Notice)) (cancel func())
	// Publish tells the others that a visitor types (NoticeTyping). It may be lost.
	Publish func(context.Context, chat.Notice)

	Log *slog.Logger
	Now func() time.Time
}

// Accounts finds web chat accounts.
type Accounts interface {
	// WebchatAccount returns an account with its plain settings. CodeNotFound: there is none, or it is of another kind.
	WebchatAccount(ctx context.Context, id chat.AccountID) (chat.Account, error)
}

// Visitors keeps who a token belongs to. A token's hash binds it to its account (auth.HashVisitorToken).
type Visitors interface {
	// CreateVisitor stores a new visitor. address.Value is its id, a UUID that the caller made.
	CreateVisitor(ctx context.Context, account chat.AccountID, address chat.Address, tokenHash []byte) error
	// Visitor finds a visitor of the account by the token's hash and notes that it was seen. ID and Thread are those of
	// the identity with the visitor's address, none before the first message. CodeSessionOver: no such token.
	Visitor(ctx context.Context, account chat.AccountID, tokenHash []byte) (chat.Identity, error)
}

// Threads reads what one visitor may see: the conversations between the account and the visitor's thread. Notes are never
// among it.
type Threads interface {
	// VisitorThread returns the visitor's conversation (the open one, else the one with the latest activity; nil if
	// there is none) and the newest limit events of all its conversations that are a message (EventMessage, with the
	// message as it stands, media included) or one of EventQueued, EventAssigned, EventEnded and EventReopened, in the
	// order of At, then Seq. Of before, an event that the visitor has, only ConversationID and Seq are set: what is returned
	// is older; the zero Event asks for the newest. A limit of 0 asks for the conversation only.
	// The conversation is not newer than the events.
	VisitorThread(ctx context.Context, account chat.AccountID, visitor chat.Address, before chat.Event, limit int) (*chat.ConversationRow, []chat.ThreadEvent, error)
	// VisitorMessage finds a message of the visitor by the id that its browser gave it. CodeNotFound: not, or not yet,
	// in the record.
	VisitorMessage(ctx context.Context, account chat.AccountID, visitor chat.Address, externalID string) (chat.ThreadMessage, error)
}

// Agents finds who answers. Visitors see the name and whether they are there, nothing else.
type Agents interface {
	// Agent returns an agent. CodeNotFound: there is none.
	Agent(ctx context.Context, id chat.AgentID) (chat.Agent, error)
}

// Files keeps what visitors send and hands out what they may see.
type Files interface {
	// SaveUpload judges a file by its bytes, stores it and returns it ready, owned by the visitor and part of no message.
	// Refusals are CodeMediaType, CodeMediaTooLarge, CodeInvalid.
	SaveUpload(ctx context.Context, account chat.AccountID, visitor chat.Address, name, declaredType string, body io.Reader) (chat.Media, error)
	// Upload returns a file that this visitor uploaded and that is part of no message yet. CodeNotFound otherwise.
	Upload(ctx context.Context, account chat.AccountID, visitor chat.Address, id chat.AttachmentID) (chat.Media, error)
	// OpenMedia opens a file of the visitor's own thread (not of a note) or an own upload; thumb asks for its preview.
	// The Media's Type and Size are those of the bytes. CodeNotFound otherwise. The caller closes the body.
	OpenMedia(ctx context.Context, account chat.AccountID, visitor chat.Address, id chat.AttachmentID, thumb bool) (io.ReadCloser, chat.Media, error)
}

package bench

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"gatehouse/internal/chat"
)

// history is a part of the record in the making: the rows of conversations as if they had been had, each with its messages,
// events and assignment, ready for COPY. It keeps what `gatehouse verify` asks for.
type history struct {
	run    string // marks the provider's ids; unique among all
	reason chat.EndReasonID
	chance *rand.Rand

	contacts, identities, conversations, assignments, messages, providerIDs, events rows

	forgotten time.Time // provider's ids from before this are: a running instance would take them away (docs/adr/0012)

	texts   []string // what people write, as it goes into a column
	Threads int
	Written int // messages
	Events  int
}

// rows are those of one table, in COPY's text format.
type rows struct{ bytes.Buffer }

func newHistory(run string, reason chat.EndReasonID) *history {
	seed := [32]byte{}
	copy(seed[:], run)
	return &history{run: run, reason: reason, chance: rand.New(rand.NewChaCha8(seed)), texts: phrases(), forgotten: time.Now().Add(-30 * 24 * time.Hour)}
}

// add adds a row. An empty uuid and a zero time are null.
func (r *rows) add(values ...any) {
	b := r.AvailableBuffer()
	for i, v := range values {
		if i > 0 {
			b = append(b, '\t')
		}
		switch v := v.(type) {
		case uuid.UUID:
			if v == uuid.Nil {
				b = append(b, `\N`...)
			} else {
				b = hex.AppendEncode(b, v[:])
			}
		case time.Time:
			if v.IsZero() {
				b = append(b, `\N`...)
			} else {
				b = v.AppendFormat(b, "2006-01-02 15:04:05.000000Z07:00")
			}
		case int:
			b = strconv.AppendInt(b, int64(v), 10)
		case string: // ours: no tab, no end of line
			b = append(b, v...)
		case []byte: // JSON; null if there is none
			if v == nil {
				b = append(b, `\N`...)
			} else {
				b = append(b, bytes.ReplaceAll(v, []byte(`\`), []byte(`\\`))...)
			}
		default:
			panic(fmt.Sprintf("bench: a column of type %T", v))
		}
	}
	_, _ = r.Write(append(b, '\n')) // never fails
}

// guest is a contact with one address.
type guest struct {
	contact  chat.ContactID
	identity chat.IdentityID
	number   int64
}

// guest makes a contact who has the number, and a name by it: few are called the same and some share a name's parts.
func (h *history) guest(number int64, at time.Time) guest {
	g := guest{idAt[chat.ContactID](h.chance, at), idAt[chat.IdentityID](h.chance, at), number}
	profile, written := nameOf(number), ""
	if number%10 == 0 {
		written = profile
	}
	h.contacts.add(uuid.UUID(g.contact), written, "tr", at, at)
	h.identities.add(uuid.UUID(g.identity), uuid.UUID(g.contact), uuid.UUID(g.identity), string(chat.WhatsApp), string(chat.AddressPhone), phoneOf(number), profile, at)
	return g
}

// thread is a conversation to be written.
type thread struct {
	guest      guest
	account    chat.AccountID
	department chat.DepartmentID
	agent      chat.AgentID            // nobody while it waits
	status     chat.ConversationStatus // waiting: only the contact has written
	start      time.Time
	every      time.Duration // from one message to the next
	messages   int           // in and out in turns, the contact's first
	load       int           // of the agent, with it
	capacity   int
}

// waited is how long everybody stands in the line of a history: the same for all, so that nobody is overtaken.
const waited = 2 * time.Second

// thread writes one conversation and returns its id.
func (h *history) thread(x thread) chat.ConversationID {
	id := idAt[chat.ConversationID](h.chance, x.start)
	seq, at, lastIn := 0, x.start, x.start
	event := func(kind chat.EventKind, at time.Time, actor chat.AgentID, message uuid.UUID, data any) {
		seq++
		h.Events++
		h.events.add(uuid.UUID(id), seq, string(kind), at, uuid.UUID(actor), message, encoded(data))
	}
	preview := chat.Preview{Kind: chat.KindText}
	unread := 0
	for i := range x.messages {
		at = x.start.Add(time.Duration(i) * x.every)
		out := i%2 == 1 && x.status != chat.Waiting
		m, external := uuid.UUID(idAt[chat.MessageID](h.chance, at)), fmt.Sprintf("wamid.BENCH%s%010d.%d", h.run, h.Threads, i)
		text := h.texts[h.chance.IntN(len(h.texts))]
		preview.Text = text
		var by chat.AgentID
		if out {
			by, unread = x.agent, 0
			preview.Direction, preview.Status = chat.Out, chat.StatusRead
		} else {
			lastIn, unread = at, unread+1
			preview.Direction, preview.Status = chat.In, chat.StatusReceived
		}
		event(chat.EventMessage, at, by, m, nil)
		source, attempt, provider := string(chat.SourceContact), 0, at.Truncate(time.Second)
		if out {
			source, attempt, provider = string(chat.SourceAgent), 1, time.Time{}
		}
		h.messages.add(m, uuid.UUID(id), uuid.UUID(x.account), seq, string(preview.Direction), string(chat.KindText), text, string(preview.Status),
			uuid.UUID(by), source, external, provider, at, attempt)
		if at.After(h.forgotten) {
			h.providerIDs.add(external, uuid.UUID(x.account), m, at)
		}
		h.Written++
		if out {
			event(chat.EventStatus, at.Add(time.Second), chat.AgentID{}, m, chat.StatusData{Status: chat.StatusSent})
			event(chat.EventStatus, at.Add(2*time.Second), chat.AgentID{}, m, chat.StatusData{Status: chat.StatusRead})
		}
		if i == 0 {
			event(chat.EventQueued, at, chat.AgentID{}, uuid.Nil, chat.QueuedData{Department: x.department, Why: "new"})
			if x.status != chat.Waiting {
				event(chat.EventAssigned, at.Add(waited), chat.AgentID{}, uuid.Nil, chat.AssignedData{
					To: x.agent, How: chat.Automatic, WaitedMS: waited.Milliseconds(), Department: x.department, WaitingSince: at, Load: x.load, Capacity: x.capacity,
				})
			}
		}
	}
	var since, assigned, ended time.Time
	var reason chat.EndReasonID
	controller, read := chat.ControllerAgent, seq
	switch x.status {
	case chat.Waiting:
		since, controller, read = x.start, chat.ControllerQueue, 0
	case chat.Closed:
		ended, reason, controller, unread = at.Add(waited+time.Minute), h.reason, chat.ControllerNone, 0
		event(chat.EventEnded, ended, x.agent, uuid.Nil, chat.EndedData{Reason: reason})
		read = seq
	case chat.Pending:
		event(chat.EventPended, at.Add(waited), x.agent, uuid.Nil, nil)
	case chat.Assigned:
	}
	if x.status != chat.Waiting {
		assigned = x.start.Add(waited)
		h.assignments.add(uuid.UUID(idAt[chat.ConversationID](h.chance, assigned)), uuid.UUID(id), uuid.UUID(x.agent), string(chat.Automatic),
			uuid.UUID(x.department), x.start, assigned, ended, x.load, x.capacity)
	}
	var endedBy chat.AgentID
	if x.status == chat.Closed {
		endedBy = x.agent
	}
	h.conversations.add(uuid.UUID(id), uuid.UUID(x.account), uuid.UUID(x.guest.identity), uuid.UUID(x.guest.contact), uuid.UUID(x.department), uuid.UUID(x.agent),
		string(x.status), string(controller), lastIn, seq, read, unread, at, lastIn, encoded(preview), since, assigned, x.start, ended, uuid.UUID(endedBy), uuid.UUID(reason))
	h.Threads++
	return id
}

// encoded is a value of ours as JSON; null for none.
func encoded(v any) []byte {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // values of ours can be written
	}
	return b
}

// write commits what was made, in one transaction, and forgets it.
func (h *history) write(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, t := range []struct {
			into string
			rows *rows
		}{
			{"contacts (id, name, language, created_at, updated_at)", &h.contacts},
			{"identities (id, contact_id, thread_id, kind, type, value, profile_name, created_at)", &h.identities},
			{"conversations (id, account_id, identity_id, contact_id, department_id, agent_id, status, controller, window_opened_at, last_seq, read_seq, unread_count," +
				" last_message_at, last_inbound_at, preview, waiting_since, assigned_at, created_at, ended_at, ended_by, end_reason_id)", &h.conversations},
			{"messages (id, conversation_id, account_id, seq, direction, kind, text, status, agent_id, source, external_id, provider_at, created_at, attempt)", &h.messages},
			{"provider_ids (provider_id, account_id, message_id, created_at)", &h.providerIDs},
			{"conversation_events (conversation_id, seq, kind, at, actor, message_id, data)", &h.events},
			{"assignments (id, conversation_id, agent_id, how, department_id, waiting_since, started_at, ended_at, load_after, capacity)", &h.assignments},
		} {
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, &t.rows.Buffer, "COPY "+t.into+" FROM STDIN"); err != nil {
				return fmt.Errorf("%s: %w", t.into[:strings.IndexByte(t.into, ' ')], err)
			}
			t.rows.Reset()
		}
		return nil
	})
}

// idAt is a UUIDv7 of a moment.
func idAt[T chat.ID](chance *rand.Rand, at time.Time) T {
	var id [16]byte
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	for i, r := 6, chance.Uint64(); i < 14; i, r = i+1, r>>8 {
		id[i] = byte(r)
	}
	r := chance.Uint32()
	id[14], id[15] = byte(r), byte(r>>8)
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return T(id)
}

// phoneOf is a number of no country.
func phoneOf(number int64) string { return fmt.Sprintf("999%012d", number) }

var (
	givenNames  = strings.Fields("Ayşe Fatma Emine Hatice Zeynep Elif Meryem Şerife Zehra Sultan Mehmet Mustafa Ahmet Ali Hüseyin Hasan İbrahim İsmail Osman Yusuf Murat Ömer Ramazan Halil Emre Can Deniz Ece Selin Kerem Efe")
	familyNames = strings.Fields("Yılmaz Kaya Demir Çelik Şahin Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt Özkan Şimşek Polat Korkmaz Çakır Erdoğan Acar Güneş Bulut Işık Taş Ateş Tekin")
)

// rareEvery is of how many people one has a name that few have.
const rareEvery = 10_000

// rareName is what one person among rareEvery is called.
const rareName = "Zümrüt Karabulutlu"

func nameOf(number int64) string {
	if number%rareEvery == 0 {
		return rareName
	}
	x := scatter(number)
	return givenNames[x%int64(len(givenNames))] + " " + familyNames[x/1000%int64(len(familyNames))]
}

// phrases are what people write: some hundred texts of the lengths that are usual.
func phrases() []string {
	starts := []string{"Merhaba,", "İyi günler,", "Kolay gelsin,", "Tekrar merhaba,", "Teşekkürler,"}
	middles := []string{"siparişim nerede?", "iade etmek istiyorum.", "fatura gelmedi, yardımcı olur musunuz?", "kargo nerede kaldı? Bağdat Caddesi 120, Kadıköy yazıyordu.", "ürün kutudan hasarlı çıktı, fotoğrafını göndereyim mi?"}
	ends := []string{"", " Bekliyorum.", " Bugün içinde dönerseniz sevinirim, akşam evde olmayacağım.", " 👍"}
	var out []string
	for _, s := range starts {
		for _, m := range middles {
			for _, e := range ends {
				out = append(out, s+" "+m+e)
			}
		}
	}
	return out
}

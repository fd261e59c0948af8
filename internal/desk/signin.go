package desk

import (
	"bytes"
	"context"
	"slices"
	"time"

	"gatehouse/internal/chat"
)

type signInStore interface {
	// Credentials finds an agent by e-mail address, CredentialsOf by id; CodeNotFound if there is none.
	Credentials(ctx context.Context, email string) (chat.Credentials, error)
	CredentialsOf(ctx context.Context, id chat.AgentID) (chat.Credentials, error)
	// StartSession returns CodeWrongCredentials when the agent has changed since the password was verified.
	StartSession(ctx context.Context, in chat.SignIn) error
	Rehash(ctx context.Context, id chat.AgentID, from, to string) error
	// Session returns CodeSessionOver unless the session holds.
	Session(ctx context.Context, tokenHash []byte) (chat.Session, error)
	// PeekSession is Session without noting a use.
	PeekSession(ctx context.Context, tokenHash []byte) (chat.Session, error)
	// OwnSessions are an agent's, the one used last first. EndOwnSession returns CodeNotFound if there is no such one.
	OwnSessions(ctx context.Context, of chat.AgentID) ([]chat.OwnSession, error)
	EndOwnSession(ctx context.Context, of chat.AgentID, id chat.SessionID) error
	// EndSession tells whose session it was; zero if there was none.
	EndSession(ctx context.Context, tokenHash []byte) (chat.AgentID, error)

	HasAdmin(ctx context.Context) (bool, error)
	KeepSetupLink(ctx context.Context, tokenHash []byte, life time.Duration) error
	// SetupOpen and Setup return CodeNotFound when the link is used, over or unknown, or there is an admin.
	SetupOpen(ctx context.Context, tokenHash []byte) error
	Setup(ctx context.Context, by chat.Audit, tokenHash []byte, a chat.Agent, p chat.Password) error

	APIKeys(ctx context.Context) ([]chat.APIKey, error)
	CreateAPIKey(ctx context.Context, by chat.Audit, k chat.APIKey, hash []byte) (time.Time, error)
	RevokeAPIKey(ctx context.Context, by chat.Audit, id chat.APIKeyID) error
	// APIKey returns CodeSessionOver unless the key holds.
	APIKey(ctx context.Context, hash []byte) (chat.APIKey, error)
}

// Passwords hashes and verifies passwords.
type Passwords interface {
	// Hash refuses a bad password with CodeInvalid. about is what others know of its owner.
	Hash(ctx context.Context, password string, about ...string) (string, error)
	// Verify takes the same time for an empty hash, which no password fits.
	Verify(ctx context.Context, password, hash string) (ok, rehash bool, err error)
}

// Tokens makes what people and programs show to get in. plain is given away once; the hash is what is kept, and what callers
// look things up by.
type Tokens struct {
	Session   func() (plain string, hash []byte)
	SetupLink func() (plain string, hash []byte)
	APIKey    func() (plain, prefix string, hash []byte)
}

// setupLife is how long the first admin's link holds.
const setupLife = 24 * time.Hour

// errCredentials says the same of an unknown address, a wrong password and a disabled agent.
func errCredentials() error {
	return chat.Errorf(chat.CodeWrongCredentials, "e-mail or password is wrong")
}

// SignIn starts a session with a new token. code is of the second factor, for those who have one: six digits or a recovery
// code; where it is missing or wrong, the detail "totp" of the refusal says so. It takes as long for an address that nobody
// has. Limiting the attempts is the caller's.
func (d *Desk) SignIn(ctx context.Context, email, password, code, ip, userAgent string) (token string, agent chat.Agent, err error) {
	var found chat.Credentials
	if address, err := mailAddress("email", email); err == nil {
		found, err = d.store.Credentials(ctx, address)
		if err != nil && chat.CodeOf(err) != chat.CodeNotFound {
			return "", agent, err
		}
	}
	hash := found.PasswordHash
	if found.State != chat.AgentActive {
		hash = ""
	}
	ok, rehash, err := d.passwords.Verify(ctx, password, hash)
	if err != nil {
		return "", agent, err
	}
	if !ok {
		return "", agent, errCredentials()
	}
	if err := d.passTOTP(ctx, found.ID, code); err != nil {
		return "", agent, err
	}
	if token, err = d.startSession(ctx, found, ip, userAgent); err != nil {
		return "", agent, err
	}
	if rehash {
		d.rehash(ctx, found, password)
	}
	return token, found.Agent, nil
}

func (d *Desk) startSession(ctx context.Context, c chat.Credentials, ip, userAgent string) (token string, err error) {
	token, hash := d.tokens.Session()
	return token, d.store.StartSession(ctx, chat.SignIn{TokenHash: hash, Agent: c.ID, PasswordHash: c.PasswordHash, IP: ip, UserAgent: userAgent})
}

// rehash keeps a password under today's settings. The person is in already: what goes wrong here is only noted.
func (d *Desk) rehash(ctx context.Context, c chat.Credentials, password string) {
	to, err := d.passwords.Hash(ctx, password)
	if err == nil {
		err = d.store.Rehash(ctx, c.ID, c.PasswordHash, to)
	}
	if err != nil {
		d.log.Warn("password not hashed again", "agent", c.ID.String(), "error", err.Error())
	}
}

// Session finds who asks with a session token, by its hash. CodeSessionOver: none, over, or its agent is disabled.
func (d *Desk) Session(ctx context.Context, tokenHash []byte) (chat.Session, error) {
	return d.store.Session(ctx, tokenHash)
}

// PeekSession is Session for those who only look: an open socket must not keep a session alive by itself.
func (d *Desk) PeekSession(ctx context.Context, tokenHash []byte) (chat.Session, error) {
	return d.store.PeekSession(ctx, tokenHash)
}

// SignOut ends a session. Its agent is offline at once.
func (d *Desk) SignOut(ctx context.Context, tokenHash []byte) error {
	agent, err := d.store.EndSession(ctx, tokenHash)
	if err != nil || chat.IsZero(agent) {
		return err
	}
	return d.leave(ctx, agent)
}

// OwnSessions lists where the agent is signed in, the session used last first.
func (d *Desk) OwnSessions(ctx context.Context, p chat.Principal) ([]chat.OwnSession, error) {
	if err := person(p); err != nil {
		return nil, err
	}
	return d.store.OwnSessions(ctx, p.AgentID)
}

// EndOwnSession ends one of the agent's sessions. Its sockets close; with the last one the agent is offline.
func (d *Desk) EndOwnSession(ctx context.Context, p chat.Principal, id chat.SessionID) error {
	if err := person(p); err != nil {
		return err
	}
	if err := d.store.EndOwnSession(ctx, p.AgentID, id); err != nil {
		return err
	}
	left, err := d.store.OwnSessions(ctx, p.AgentID)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		return d.leave(ctx, p.AgentID)
	}
	d.live.Publish(ctx, []chat.Notice{{Kind: chat.NoticeSession, Agent: p.AgentID}})
	return nil
}

// leave tells that a session of the agent has ended, and that they are offline.
func (d *Desk) leave(ctx context.Context, agent chat.AgentID) error {
	d.live.Publish(ctx, []chat.Notice{{Kind: chat.NoticeSession, Agent: agent}})
	return d.changeAgent(ctx, chat.HolderNeeds{Agent: agent}, func(_ chat.HolderState, _ *ledger, w *chat.HolderWrite) error {
		w.Presence = &chat.PresenceChange{Presence: chat.Offline}
		return nil
	})
}

// ChangePassword replaces the agent's own password and ends their other sessions; tokenHash names the one that stays.
func (d *Desk) ChangePassword(ctx context.Context, p chat.Principal, tokenHash []byte, current, next string) error {
	had, err := d.prove(ctx, p, "current", current)
	if err != nil {
		return err
	}
	if current == next {
		return invalid("password", "the new password is the current one").With("rule", "same")
	}
	hash, err := d.passwords.Hash(ctx, next, had.Name, had.Email)
	if err != nil {
		return err
	}
	return d.changeAgent(ctx, chat.HolderNeeds{Agent: p.AgentID}, func(st chat.HolderState, _ *ledger, w *chat.HolderWrite) error {
		if st.PasswordHash != had.PasswordHash {
			return chat.Errorf(chat.CodeChangedMeanwhile, "the password was changed meanwhile")
		}
		w.Password = &chat.Password{Hash: hash}
		trace := chat.Audited(p, "agent.password_changed", p.AgentID, st.Agent.Name)
		w.Audit = &trace
		w.EndSessions, w.KeepSession = true, tokenHash
		return nil
	})
}

// SetupLink makes a one-time link's token by which the first admin can be made within 24 hours. It is empty when there is an
// admin already.
func (d *Desk) SetupLink(ctx context.Context) (token string, err error) {
	has, err := d.store.HasAdmin(ctx)
	if err != nil || has {
		return "", err
	}
	token, hash := d.tokens.SetupLink()
	return token, d.store.KeepSetupLink(ctx, hash, setupLife)
}

// SetupOpen tells whether a link would make the first admin now; otherwise CodeNotFound.
func (d *Desk) SetupOpen(ctx context.Context, linkHash []byte) error {
	return d.store.SetupOpen(ctx, linkHash)
}

// Setup makes the first admin by the one-time link, on a desk that works (Furnish), and signs them in. However many try at once, one succeeds.
func (d *Desk) Setup(ctx context.Context, linkHash []byte, name, email, password, ip, userAgent string) (token string, agent chat.Agent, err error) {
	if err := d.store.SetupOpen(ctx, linkHash); err != nil { // before the work of hashing
		return "", agent, err
	}
	a := chat.Agent{ID: chat.NewID[chat.AgentID](), Role: chat.RoleAdmin, State: chat.AgentActive, Behavior: chat.BehaviorNormal, Capacity: chat.DefaultCapacity}
	if err := applyAgent(&a, chat.AgentPatch{Name: &name, Email: &email}); err != nil {
		return "", agent, err
	}
	hash, err := d.passwords.Hash(ctx, password, a.Name, a.Email)
	if err != nil {
		return "", agent, err
	}
	department, err := d.Furnish(ctx)
	if err != nil {
		return "", agent, err
	}
	a.Departments = []chat.DepartmentID{department}
	if err := d.store.Setup(ctx, chat.Audited(chat.Principal{AgentID: a.ID}, "agent.set_up", a.ID, a.Name), linkHash, a, chat.Password{Hash: hash}); err != nil {
		return "", agent, err
	}
	token, err = d.startSession(ctx, chat.Credentials{Agent: a, PasswordHash: hash}, ip, userAgent)
	return token, a, err
}

// APIKeys lists the keys that hold.
func (d *Desk) APIKeys(ctx context.Context, p chat.Principal) ([]chat.APIKey, error) {
	if err := p.Need(chat.PermissionAPIKeys); err != nil {
		return nil, err
	}
	return d.store.APIKeys(ctx)
}

// CreateAPIKey makes a key. plain is shown this once. What the scopes are is the caller's: it checks them here and obeys them
// at every request. A key of role manager or agent sees the departments that are named, or those that there are now.
func (d *Desk) CreateAPIKey(ctx context.Context, p chat.Principal, f chat.APIKeyForm) (k chat.APIKey, plain string, err error) {
	if err := p.Need(chat.PermissionAPIKeys); err != nil {
		return k, "", err
	}
	if f.Name, err = line("name", f.Name, 1, 80); err != nil {
		return k, "", err
	}
	if !f.Role.Valid() {
		return k, "", invalid("role", "no such role")
	}
	if len(f.Scopes) == 0 {
		return k, "", invalid("scopes", "a key needs at least one scope")
	}
	plain, prefix, hash := d.tokens.APIKey()
	k = chat.APIKey{ID: chat.NewID[chat.APIKeyID](), Name: f.Name, Prefix: prefix, Role: f.Role, Scopes: f.Scopes}
	if k.Departments, err = d.keyDepartments(ctx, p, f); err != nil {
		return chat.APIKey{}, "", err
	}
	trace := chat.Audited(p, "api_key.created", k.ID, k.Name).With("role", k.Role).With("scopes", k.Scopes).With("departments", sorted(k.Departments))
	if k.CreatedAt, err = d.store.CreateAPIKey(ctx, trace, k, hash); err != nil {
		return chat.APIKey{}, "", err
	}
	return k, plain, nil
}

// keyDepartments are what a new key sees: an admin's everything, another's what was asked for, or all of today.
func (d *Desk) keyDepartments(ctx context.Context, p chat.Principal, f chat.APIKeyForm) ([]chat.DepartmentID, error) {
	if f.Role == chat.RoleAdmin {
		if len(f.Departments) > 0 {
			return nil, invalid("departments", "an admin's key sees all departments")
		}
		return nil, nil
	}
	if len(f.Departments) > 0 {
		return slices.Compact(slices.SortedFunc(slices.Values(f.Departments), func(x, y chat.DepartmentID) int { return bytes.Compare(x[:], y[:]) })), nil
	}
	cards, err := d.store.Departments(ctx, p)
	var all []chat.DepartmentID
	for _, c := range cards {
		all = append(all, c.ID)
	}
	return all, err
}

// RevokeAPIKey ends a key, at once.
func (d *Desk) RevokeAPIKey(ctx context.Context, p chat.Principal, id chat.APIKeyID) error {
	if err := p.Need(chat.PermissionAPIKeys); err != nil {
		return err
	}
	return d.store.RevokeAPIKey(ctx, chat.Audited(p, "api_key.revoked", id, ""), id)
}

// APIKey finds who asks with an API key, by its hash. CodeSessionOver: unknown or revoked.
func (d *Desk) APIKey(ctx context.Context, hash []byte) (chat.APIKey, error) {
	return d.store.APIKey(ctx, hash)
}

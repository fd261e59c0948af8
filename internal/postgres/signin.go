package postgres

import (
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// Credentials finds an agent by e-mail address, whatever its case. Nobody's address is CodeNotFound.
func (s *Store) Credentials(ctx context.Context, email string) (chat.Credentials, error) {
	rows, err := s.q.AgentByEmail(ctx, email)
	return credentials(column(rows, func(r *gen.AgentByEmailRow) gen.Agent { return r.Agent }), err)
}

// CredentialsOf finds an agent by id.
func (s *Store) CredentialsOf(ctx context.Context, id chat.AgentID) (chat.Credentials, error) {
	rows, err := s.q.AgentByID(ctx, id)
	return credentials(column(rows, func(r *gen.AgentByIDRow) gen.Agent { return r.Agent }), err)
}

func credentials(found []gen.Agent, err error) (chat.Credentials, error) {
	if err == nil && len(found) == 0 {
		err = errNoAgent()
	}
	if err != nil {
		return chat.Credentials{}, wrap(err)
	}
	return chat.Credentials{Agent: agent(found[0]), PasswordHash: found[0].PasswordHash}, nil
}

// StartSession gives an active agent a session. CodeWrongCredentials: they were disabled, or their password was changed,
// since it was verified.
func (s *Store) StartSession(ctx context.Context, in chat.SignIn) error {
	n, err := s.q.StartSession(ctx, gen.StartSessionParams{
		TokenHash: in.TokenHash, LifeS: chat.SessionLife.Seconds(), UserAgent: clip(in.UserAgent), Ip: clip(in.IP), AgentID: in.Agent,
		PasswordHash: in.PasswordHash,
	})
	if err == nil && n == 0 {
		return chat.Errorf(chat.CodeWrongCredentials, "the agent has changed meanwhile")
	}
	return wrap(err)
}

// Rehash replaces a password's hash by a stronger one of the same password.
func (s *Store) Rehash(ctx context.Context, id chat.AgentID, from, to string) error {
	return wrap(s.q.Rehash(ctx, to, id, from))
}

// Session finds a session that is not over, and notes its use, to the minute. Otherwise CodeSessionOver.
func (s *Store) Session(ctx context.Context, tokenHash []byte) (chat.Session, error) {
	return s.session(ctx, tokenHash, true)
}

// PeekSession is Session without noting a use.
func (s *Store) PeekSession(ctx context.Context, tokenHash []byte) (chat.Session, error) {
	return s.session(ctx, tokenHash, false)
}

func (s *Store) session(ctx context.Context, tokenHash []byte, use bool) (chat.Session, error) {
	rows, err := s.q.SessionByHash(ctx, tokenHash, chat.SessionIdle.Seconds())
	if err != nil {
		return chat.Session{}, wrap(err)
	}
	if len(rows) == 0 {
		return chat.Session{}, chat.Errorf(chat.CodeSessionOver, "no such session")
	}
	r := rows[0]
	if r.Stale && use {
		if err := s.q.TouchSession(ctx, tokenHash); err != nil {
			return chat.Session{}, wrap(err)
		}
	}
	out := chat.Session{Agent: agent(r.Agent), CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC()}
	out.Agent.Departments = column(r.Departments, func(d *uid) chat.DepartmentID { return chat.DepartmentID(*d) })
	return out, nil
}

// OwnSessions lists the sessions of an agent that hold, the one used last first.
func (s *Store) OwnSessions(ctx context.Context, of chat.AgentID) ([]chat.OwnSession, error) {
	rows, err := s.q.SessionsOf(ctx, of, chat.SessionIdle.Seconds())
	return column(rows, func(r *gen.SessionsOfRow) chat.OwnSession {
		return chat.OwnSession{
			ID: r.ID, CreatedAt: r.CreatedAt.UTC(), UsedAt: r.UsedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), UserAgent: r.UserAgent, IP: r.Ip, TokenHash: r.TokenHash,
		}
	}), wrap(err)
}

// EndOwnSession ends one of an agent's sessions. Any other is CodeNotFound.
func (s *Store) EndOwnSession(ctx context.Context, of chat.AgentID, id chat.SessionID) error {
	return one(s.q.EndOwnSession(ctx, id, of))
}

// EndSession ends a session and tells whose it was; zero if there was none.
func (s *Store) EndSession(ctx context.Context, tokenHash []byte) (chat.AgentID, error) {
	ids, err := s.q.EndSession(ctx, tokenHash)
	if err != nil || len(ids) == 0 {
		return chat.AgentID{}, wrap(err)
	}
	return ids[0], nil
}

// EndOverSessions ends the sessions whose time is over and tells whose they were. Agents without another one are offline.
func (s *Store) EndOverSessions(ctx context.Context) ([]chat.AgentID, error) {
	ids, err := s.q.EndOverSessions(ctx, chat.SessionIdle.Seconds())
	return column(ids, func(a *uid) chat.AgentID { return chat.AgentID(*a) }), wrap(err)
}

// HasAdmin tells whether there is an active admin.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	has, err := s.q.HasAdmin(ctx)
	return has, wrap(err)
}

// KeepSetupLink keeps the hash of a link by which the first admin can be made, for as long as life.
func (s *Store) KeepSetupLink(ctx context.Context, tokenHash []byte, life time.Duration) error {
	if err := s.q.ForgetSetupLinks(ctx); err != nil {
		return wrap(err)
	}
	return wrap(s.q.InsertSetupLink(ctx, tokenHash, life.Seconds()))
}

// SetupOpen returns CodeNotFound unless the link would make the first admin now.
func (s *Store) SetupOpen(ctx context.Context, tokenHash []byte) error {
	open, err := s.q.OpenSetupLink(ctx, tokenHash)
	if err != nil {
		return wrap(err)
	}
	has, err := s.HasAdmin(ctx)
	if err == nil && (!open || has) {
		return errNoLink()
	}
	return err
}

func errNoLink() error { return chat.Errorf(chat.CodeNotFound, "the link is used, over or unknown") }

// Setup makes the first admin by a link, once. CodeNotFound: the link is used or over, or there is an admin already.
func (s *Store) Setup(ctx context.Context, by chat.Audit, tokenHash []byte, a chat.Agent, p chat.Password) error {
	return s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		q := s.q.WithTx(tx)
		if _, err := q.LockSetupLinks(ctx); err != nil {
			return err
		}
		has, err := q.HasAdmin(ctx)
		if err != nil {
			return err
		}
		used, err := q.UseSetupLink(ctx, tokenHash)
		if err != nil {
			return err
		}
		if has || used == 0 {
			return errNoLink()
		}
		return insertAgent(ctx, tx, a, p)
	})
}

// APIKeys lists the keys that were not revoked, oldest first.
func (s *Store) APIKeys(ctx context.Context) ([]chat.APIKey, error) {
	rows, err := s.q.APIKeys(ctx)
	return column(rows, func(r *gen.APIKeysRow) chat.APIKey { return apiKey(r.ApiKey, r.Departments) }), wrap(err)
}

// CreateAPIKey keeps a key by its hash and returns when it was made. A department that there is not is CodeInvalid.
func (s *Store) CreateAPIKey(ctx context.Context, by chat.Audit, k chat.APIKey, hash []byte) (made time.Time, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		q := s.q.WithTx(tx)
		made, err = q.InsertAPIKey(ctx, gen.InsertAPIKeyParams{ID: k.ID, Name: k.Name, Hash: hash, Prefix: k.Prefix, Role: string(k.Role), Scopes: notNull(k.Scopes)})
		if err != nil {
			return err
		}
		departments := column(k.Departments, func(d *chat.DepartmentID) uid { return uid(*d) })
		return named(q.InsertAPIKeyDepartments(ctx, uid(k.ID), notNull(departments)), rule{"api_key_departments_department_id_fkey", "departments"})
	})
	return made.UTC(), err
}

// RevokeAPIKey ends a key. One that does not exist or is revoked already is CodeNotFound.
func (s *Store) RevokeAPIKey(ctx context.Context, by chat.Audit, id chat.APIKeyID) error {
	return s.audited(ctx, by, func(tx pgx.Tx, a *chat.Audit) error {
		names, err := s.q.WithTx(tx).RevokeAPIKey(ctx, id)
		return theOne(a, names, err)
	})
}

// one makes "no row" CodeNotFound.
func one(n int64, err error) error {
	if err == nil && n == 0 {
		return chat.Errorf(chat.CodeNotFound, "no such row")
	}
	return wrap(err)
}

// APIKey finds a key that was not revoked, and notes its use, to the minute. Otherwise CodeSessionOver.
func (s *Store) APIKey(ctx context.Context, hash []byte) (chat.APIKey, error) {
	rows, err := s.q.APIKeyByHash(ctx, hash)
	if err != nil {
		return chat.APIKey{}, wrap(err)
	}
	if len(rows) == 0 {
		return chat.APIKey{}, chat.Errorf(chat.CodeSessionOver, "no such API key")
	}
	k := apiKey(rows[0].ApiKey, rows[0].Departments)
	if rows[0].Stale {
		if err := s.q.TouchAPIKey(ctx, k.ID); err != nil {
			return chat.APIKey{}, wrap(err)
		}
	}
	return k, nil
}

func apiKey(g gen.ApiKey, departments []uid) chat.APIKey {
	return chat.APIKey{
		ID: g.ID, Name: g.Name, Prefix: g.Prefix, Role: chat.Role(g.Role), Scopes: g.Scopes, CreatedAt: g.CreatedAt.UTC(), UsedAt: at(g.UsedAt),
		Departments: column(departments, func(d *uid) chat.DepartmentID { return chat.DepartmentID(*d) }),
	}
}

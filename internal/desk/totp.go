package desk

import (
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/secret"
)

type totpStore interface {
	// TOTPHolders are those who are asked for a code.
	TOTPHolders(ctx context.Context) ([]chat.AgentID, error)
	// TOTP is zero if there is none.
	TOTP(ctx context.Context, of chat.AgentID) (chat.TOTP, error)
	// BeginTOTP returns CodeInUse if there is a confirmed one, ConfirmTOTP CodeChangedMeanwhile if sealed is not what was begun.
	BeginTOTP(ctx context.Context, of chat.AgentID, sealed []byte) error
	ConfirmTOTP(ctx context.Context, by chat.Audit, of chat.AgentID, sealed []byte, step int64, recovery [][]byte) error
	// UseTOTPStep and UseRecoveryCode take what is good once, and tell whether it was.
	UseTOTPStep(ctx context.Context, of chat.AgentID, step int64) (bool, error)
	UseRecoveryCode(ctx context.Context, of chat.AgentID, hash []byte) (bool, error)
	// EndTOTP returns CodeNotFound if there is none.
	EndTOTP(ctx context.Context, by chat.Audit, of chat.AgentID) error
	SealedTOTPs(ctx context.Context) (map[chat.AgentID][]byte, error)
	ResealTOTP(ctx context.Context, of chat.AgentID, from, to []byte) error
}

// SecondFactor makes and verifies time-based one-time codes.
type SecondFactor interface {
	// New makes a secret, and the address by which an authenticator app takes it in.
	New(account string) (shared, url string, err error)
	// Verify finds the step of a code that is good at now and belongs to a step after last; otherwise CodeWrongCredentials.
	Verify(shared, code string, now time.Time, last int64) (step int64, err error)
	// RecoveryCodes are for the day the phone is lost; the hashes are kept.
	RecoveryCodes() (plain []string, hashes [][]byte)
	// RecoveryHash is the hash of a recovery code, however it was typed.
	RecoveryHash(code string) []byte
}

// TOTP is the agent's own second factor.
func (d *Desk) TOTP(ctx context.Context, p chat.Principal) (chat.TOTP, error) {
	if err := person(p); err != nil {
		return chat.TOTP{}, err
	}
	return d.store.TOTP(ctx, p.AgentID)
}

// BeginTOTP makes a second factor for the agent, in place of one that was begun before. It is asked for once a code of it was
// given to ConfirmTOTP. CodeInUse: there is one already.
func (d *Desk) BeginTOTP(ctx context.Context, p chat.Principal, password string) (shared, url string, err error) {
	found, err := d.prove(ctx, p, "password", password)
	if err != nil {
		return "", "", err
	}
	shared, url, err = d.second.New(found.Email)
	if err != nil {
		return "", "", err
	}
	return shared, url, d.store.BeginTOTP(ctx, p.AgentID, d.box.Seal([]byte(shared), totpPlace(p.AgentID)))
}

// ConfirmTOTP puts the second factor that was begun to use, by a code of it, and returns the recovery codes, this once.
// CodeNotFound: none was begun; CodeWrongCredentials: the code is wrong.
func (d *Desk) ConfirmTOTP(ctx context.Context, p chat.Principal, code string) (recovery []string, err error) {
	t, err := d.TOTP(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(t.Sealed) == 0 || t.Confirmed {
		return nil, chat.Errorf(chat.CodeNotFound, "no second factor was begun")
	}
	step, err := d.totpStep(ctx, p.AgentID, t, code)
	if err != nil {
		return nil, err
	}
	recovery, hashes := d.second.RecoveryCodes()
	return recovery, d.store.ConfirmTOTP(ctx, chat.Audited(p, "agent.totp_confirmed", p.AgentID, ""), p.AgentID, t.Sealed, step, hashes)
}

// EndTOTP removes the agent's own second factor. CodeNotFound: there is none.
func (d *Desk) EndTOTP(ctx context.Context, p chat.Principal, password string) error {
	found, err := d.prove(ctx, p, "password", password)
	if err != nil {
		return err
	}
	return d.store.EndTOTP(ctx, chat.Audited(p, "agent.totp_ended", p.AgentID, found.Name), p.AgentID)
}

// EndAgentTOTP removes an agent's second factor, if there is one (CodeNotFound): their phone is lost, and the recovery codes too. Their sessions end.
func (d *Desk) EndAgentTOTP(ctx context.Context, p chat.Principal, id chat.AgentID) error {
	if err := p.Need(chat.PermissionAgents); err != nil {
		return err
	}
	a, err := d.agent(ctx, id)
	if err != nil {
		return err
	}
	if err := d.store.EndTOTP(ctx, chat.Audited(p, "agent.totp_ended", id, a.Name), id); err != nil {
		return err
	}
	return d.changeAgent(ctx, chat.HolderNeeds{Agent: id}, func(_ chat.HolderState, _ *ledger, w *chat.HolderWrite) error {
		w.EndSessions = true
		return nil
	})
}

// passTOTP asks for the second factor of somebody whose password was right, if they have one. The refusal says in the detail
// "totp" whether the code was missing ("required") or wrong.
func (d *Desk) passTOTP(ctx context.Context, id chat.AgentID, code string) error {
	t, err := d.store.TOTP(ctx, id)
	if err != nil || !t.Confirmed {
		return err
	}
	if code == "" {
		return chat.Errorf(chat.CodeWrongCredentials, "the code of the second factor is missing").With("totp", "required")
	}
	var good bool
	step, err := d.totpStep(ctx, id, t, code)
	if err == nil {
		good, err = d.store.UseTOTPStep(ctx, id, step)
	} else if chat.CodeOf(err) == chat.CodeWrongCredentials {
		good, err = d.store.UseRecoveryCode(ctx, id, d.second.RecoveryHash(code))
	}
	if err == nil && !good {
		return chat.Errorf(chat.CodeWrongCredentials, "the code of the second factor is wrong").With("totp", "wrong")
	}
	return err
}

func (d *Desk) totpStep(ctx context.Context, id chat.AgentID, t chat.TOTP, code string) (int64, error) {
	shared, err := d.box.Open(t.Sealed, totpPlace(id))
	if err != nil {
		return 0, err
	}
	now, err := d.Now(ctx)
	if err != nil {
		return 0, err
	}
	return d.second.Verify(string(shared), code, now, t.Step)
}

// prove finds the agent who asks, if the password is theirs. field is what the refusal names.
func (d *Desk) prove(ctx context.Context, p chat.Principal, field, password string) (chat.Credentials, error) {
	if err := person(p); err != nil {
		return chat.Credentials{}, err
	}
	found, err := d.store.CredentialsOf(ctx, p.AgentID)
	if err != nil {
		return found, err
	}
	ok, _, err := d.passwords.Verify(ctx, password, found.PasswordHash)
	if err == nil && !ok {
		err = chat.Errorf(chat.CodeWrongCredentials, "the password is wrong").With("field", field)
	}
	return found, err
}

func totpPlace(id chat.AgentID) string { return secret.Place("agent_totp", id.String(), "sealed") }

// resealTOTP seals the second factors that an earlier master key sealed.
func (d *Desk) resealTOTP(ctx context.Context) error {
	all, err := d.store.SealedTOTPs(ctx)
	if err != nil {
		return err
	}
	for id, sealed := range all {
		if !d.box.Stale(sealed) {
			continue
		}
		shared, err := d.box.Open(sealed, totpPlace(id))
		if err == nil {
			err = d.store.ResealTOTP(ctx, id, sealed, d.box.Seal(shared, totpPlace(id)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

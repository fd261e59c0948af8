package postgres

import (
	"context"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// TOTP reads an agent's second factor; zero if there is none.
func (s *Store) TOTP(ctx context.Context, of chat.AgentID) (chat.TOTP, error) {
	rows, err := s.q.TOTPOf(ctx, of)
	if err != nil || len(rows) == 0 {
		return chat.TOTP{}, wrap(err)
	}
	t := rows[0].AgentTotp
	return chat.TOTP{Sealed: t.Sealed, Confirmed: t.ConfirmedAt != nil, Step: t.Step, Recovery: len(t.Recovery)}, nil
}

// TOTPHolders are the agents who are asked for a code.
func (s *Store) TOTPHolders(ctx context.Context) ([]chat.AgentID, error) {
	ids, err := s.q.TOTPHolders(ctx)
	return ids, wrap(err)
}

// BeginTOTP keeps a second factor that is not confirmed yet. CodeInUse: there is one that is.
func (s *Store) BeginTOTP(ctx context.Context, of chat.AgentID, sealed []byte) error {
	n, err := s.q.BeginTOTP(ctx, of, sealed)
	if err == nil && n == 0 {
		return chat.Errorf(chat.CodeInUse, "there is a second factor already").With("field", "totp")
	}
	return wrap(err)
}

// ConfirmTOTP puts a second factor to use. CodeChangedMeanwhile: it is not the one that was begun.
func (s *Store) ConfirmTOTP(ctx context.Context, by chat.Audit, of chat.AgentID, sealed []byte, step int64, recovery [][]byte) error {
	return s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		n, err := s.q.WithTx(tx).ConfirmTOTP(ctx, gen.ConfirmTOTPParams{AgentID: of, Sealed: sealed, Step: step, Recovery: recovery})
		if err == nil && n == 0 {
			return chat.Errorf(chat.CodeChangedMeanwhile, "the second factor has changed meanwhile")
		}
		return err
	})
}

// UseTOTPStep takes a code's step, and tells whether it was good: of two sign-ins with one code one is let in.
func (s *Store) UseTOTPStep(ctx context.Context, of chat.AgentID, step int64) (bool, error) {
	n, err := s.q.UseTOTPStep(ctx, step, of)
	return n > 0, wrap(err)
}

// UseRecoveryCode takes a recovery code by its hash, once, and tells whether it was good.
func (s *Store) UseRecoveryCode(ctx context.Context, of chat.AgentID, hash []byte) (bool, error) {
	n, err := s.q.UseRecoveryCode(ctx, hash, of)
	return n > 0, wrap(err)
}

// EndTOTP removes an agent's second factor. CodeNotFound: there is none.
func (s *Store) EndTOTP(ctx context.Context, by chat.Audit, of chat.AgentID) error {
	return s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error { return one(s.q.WithTx(tx).EndTOTP(ctx, of)) })
}

// SealedTOTPs are all second factors, for sealing them anew.
func (s *Store) SealedTOTPs(ctx context.Context) (map[chat.AgentID][]byte, error) {
	rows, err := s.q.SealedTOTPs(ctx)
	out := make(map[chat.AgentID][]byte, len(rows))
	for _, r := range rows {
		out[r.AgentID] = r.Sealed
	}
	return out, wrap(err)
}

// ResealTOTP replaces a sealed secret, unless it is not what it was any more.
func (s *Store) ResealTOTP(ctx context.Context, of chat.AgentID, from, to []byte) error {
	return wrap(s.q.ResealTOTP(ctx, to, of, from))
}

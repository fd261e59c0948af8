package auth

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"

	"gatehouse/internal/chat"
)

// hashParams is OWASP's smallest recommended argon2id setting (Password Storage Cheat Sheet, 2025): 19 MiB, two passes,
// one lane; some 25 ms of one core.
func hashParams() *argon2id.Params {
	return &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// waitersPerSlot bounds how many hashes wait for each that runs: about a second's worth.
const waitersPerSlot = 32

// Passwords hashes and verifies passwords, a few at a time: hashing is slow on purpose, and a flood of sign-ins must not
// take the processor from the webhooks. It is safe for concurrent use.
type Passwords struct {
	slots   chan struct{} // held while hashing
	waiting chan struct{} // held from asking to done
	dummy   string        // a hash that no password has, for people who do not exist
}

// NewPasswords returns Passwords that hash at most parallel at once; 0 means half of the processors.
func NewPasswords(parallel int) (*Passwords, error) {
	if parallel <= 0 {
		parallel = max(1, runtime.GOMAXPROCS(0)/2)
	}
	dummy, err := argon2id.CreateHash(randomToken(), hashParams())
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return &Passwords{
		slots:   make(chan struct{}, parallel),
		waiting: make(chan struct{}, parallel*(1+waitersPerSlot)),
		dummy:   dummy,
	}, nil
}

// Hash checks a new password by CheckPassword and returns its hash to be stored. Errors: those of CheckPassword,
// chat.CodeUnavailable when too many wait, ctx's.
func (p *Passwords) Hash(ctx context.Context, password string, about ...string) (string, error) {
	if err := CheckPassword(password, about...); err != nil {
		return "", err
	}
	var hash string
	err := p.run(ctx, func() (err error) {
		hash, err = argon2id.CreateHash(normalize(password), hashParams())
		return err
	})
	return hash, err
}

// Verify reports whether a password is the one of a stored hash, and whether the hash should be made again because it
// was made with weaker settings. For a person who does not exist, or may not sign in, pass an empty hash: the answer is
// no, after the same work. Errors: chat.CodeUnavailable when too many wait, ctx's, a damaged hash.
func (p *Passwords) Verify(ctx context.Context, password, hash string) (ok, rehash bool, err error) {
	nobody := hash == "" || tooLong(password)
	if nobody {
		password, hash = "", p.dummy
	}
	err = p.run(ctx, func() error {
		match, params, err := argon2id.CheckHash(normalize(password), hash)
		if err != nil {
			return err
		}
		want := hashParams()
		ok = match && !nobody
		rehash = ok && (params.Memory < want.Memory || params.Iterations < want.Iterations)
		return nil
	})
	return ok, rehash, err
}

func (p *Passwords) run(ctx context.Context, hash func() error) error {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return chat.Errorf(chat.CodeUnavailable, "too many sign-ins at once")
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := hash(); err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	return nil
}

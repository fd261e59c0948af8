package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"gatehouse/internal/config"
	"gatehouse/internal/secret"
)

// keys reads the secret key and the earlier ones.
func keys(c config.Config) (current secret.Key, previous []secret.Key, err error) {
	if current, err = secret.ParseKey(c.SecretKey); err != nil {
		return current, nil, misconfigured("GATEHOUSE_SECRET_KEY: %w", err)
	}
	for i, old := range c.OldKeys {
		k, err := secret.ParseKey(old)
		if err != nil {
			return current, nil, misconfigured("GATEHOUSE_OLD_SECRET_KEYS, number %d: %w", i+1, err)
		}
		previous = append(previous, k)
	}
	return current, previous, nil
}

// ownKey reads the key of an instance that runs its own servers, and makes it the first time.
func ownKey(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("secret key: %w", err)
	}
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	key := hex.EncodeToString(raw)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("secret key: %w", err)
	}
	if _, err = f.WriteString(key + "\n"); err == nil {
		err = f.Sync()
	}
	return key, errors.Join(err, f.Close())
}

package app

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/postgres"
)

func TestAProcessStaysReadyWhileTheNextVersionIsRolledOut(t *testing.T) { // F36
	t.Parallel()
	away := errors.New("away")
	for said, want := range map[error]error{postgres.ErrSchemaNew: nil, postgres.ErrSchemaOld: postgres.ErrSchemaOld, away: away} {
		if err := atLeast(func(context.Context) error { return said })(t.Context()); !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("%v becomes %v", said, err)
		}
	}
}

package workers

import (
	"context"
	"errors"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

// dispose says what becomes of a wake whose work returned err: nil is done; an error has the queue try it once more. What can
// never succeed is done too: the work itself is a row, and the sweeper finds it when something changed.
func (w *Workers) dispose(k task.Wake, err error) error {
	if err == nil || errors.Is(err, chat.ErrLaneBusy) {
		return err // the runner's to know
	}
	switch chat.CodeOf(err) {
	case chat.CodeNotFound, chat.CodeInvalid, chat.CodeNotSupported, chat.CodeForbidden:
		w.Log.Warn("a wake asks for something that is not there", "kind", string(k.Kind), "id", k.ID, "error", err.Error())
		return nil
	case chat.CodeUnavailable, chat.CodeAccountDisconnected:
		w.Log.Info("later", "kind", string(k.Kind), "id", k.ID, "error", err.Error())
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	w.Log.Error("work failed", "kind", string(k.Kind), "id", k.ID, "error", err.Error())
	return err
}

package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// unfinished is the folder of files that are being written.
const unfinished = "tmp"

// Files is a Store in a folder. A file lies two folders deep, named by the random end of its id, so that no folder
// grows large. It is written beside, synced and renamed into place. Several processes may share the folder.
type Files struct{ root *os.Root }

// OpenFiles opens the Store in dir and makes the folder if it is missing.
func OpenFiles(dir string) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	root, err := os.OpenRoot(dir) // nothing below resolves to a path outside, by symbolic links neither
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	if err := root.MkdirAll(unfinished, 0o700); err != nil {
		return nil, fmt.Errorf("media: %w", errors.Join(err, root.Close()))
	}
	return &Files{root: root}, nil
}

// Close lets go of the folder.
func (f *Files) Close() error { return f.root.Close() }

// Put stores a file.
func (f *Files) Put(ctx context.Context, id string, r io.Reader, size int64, _ string) error {
	if err := checkID(id); err != nil {
		return err
	}
	temp := path.Join(unfinished, id+"."+rand.Text())
	if err := f.write(ctx, temp, r, size); err != nil {
		return errors.Join(err, f.remove(temp))
	}
	if err := f.publish(temp, filePath(id)); err != nil {
		return errors.Join(err, f.remove(temp))
	}
	return nil
}

func (f *Files) write(ctx context.Context, name string, r io.Reader, size int64) error {
	file, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("media: %w", err)
	}
	_, err = copyExactly(ctx, file, r, size)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// publish renames a finished file into place and syncs the folders whose content changed.
func (f *Files) publish(temp, name string) error {
	folder := path.Dir(name)
	changed := []string{folder}
	if _, err := f.root.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		if err := f.root.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("media: %w", err)
		}
		changed = append(changed, path.Dir(folder), ".")
	}
	if err := f.root.Rename(temp, name); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	for _, c := range changed {
		if err := f.sync(c); err != nil {
			return fmt.Errorf("media: %w", err)
		}
	}
	return nil
}

func (f *Files) sync(folder string) error {
	d, err := f.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open returns a file for reading.
func (f *Files) Open(_ context.Context, id string) (io.ReadSeekCloser, Info, error) {
	if err := checkID(id); err != nil {
		return nil, Info{}, err
	}
	file, err := f.root.Open(filePath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Info{}, errNoFile(id)
	}
	if err != nil {
		return nil, Info{}, fmt.Errorf("media: %w", err)
	}
	stat, err := file.Stat()
	if err != nil {
		return nil, Info{}, fmt.Errorf("media: %w", errors.Join(err, file.Close()))
	}
	return file, Info{Size: stat.Size(), ModTime: stat.ModTime()}, nil
}

// Delete removes a file.
func (f *Files) Delete(_ context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return f.remove(filePath(id))
}

// Sweep removes unfinished files that nobody has written to since before, left behind by processes that were killed. An
// hour is long enough. It returns how many it removed.
func (f *Files) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	entries, err := fs.ReadDir(f.root.FS(), unfinished)
	if err != nil {
		return 0, fmt.Errorf("media: %w", err)
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(before) {
			continue
		}
		if err != nil {
			return removed, fmt.Errorf("media: %w", err)
		}
		if err := f.remove(path.Join(unfinished, e.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

func (f *Files) remove(name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("media: %w", err)
	}
	return nil
}

// filePath is where a file lies. The end of a UUIDv7 is random; its beginning is the time.
func filePath(id string) string {
	return path.Join(id[len(id)-2:], id[len(id)-4:len(id)-2], id)
}

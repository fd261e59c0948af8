package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// TestAStoreKeepsFiles is the conformance suite: what a Store promises, asked of each.
func TestAStoreKeepsFiles(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) media.Store{
		"files": func(t *testing.T) media.Store { return openFiles(t, t.TempDir()) },
		"s3":    func(t *testing.T) media.Store { store, _ := openS3(t); return store },
	} {
		for law, holds := range map[string]func(*testing.T, media.Store){
			"whatIsPutIsRead":        whatIsPutIsRead,
			"anyPartCanBeRead":       anyPartCanBeRead,
			"puttingAgainReplaces":   puttingAgainReplaces,
			"absentIsNotFound":       absentIsNotFound,
			"deletedIsGone":          deletedIsGone,
			"sizesAreHeld":           sizesAreHeld,
			"brokenOffLeavesNothing": brokenOffLeavesNothing,
			"cancelledLeavesNothing": cancelledLeavesNothing,
			"onlyOurIDsAreTaken":     onlyOurIDsAreTaken,
			"manyAtOnceDoNotMix":     manyAtOnceDoNotMix,
		} {
			t.Run(name+"/"+law, func(t *testing.T) {
				t.Parallel()
				holds(t, open(t))
			})
		}
	}
}

func put(t *testing.T, s media.Store, id, content string) {
	t.Helper()
	if err := s.Put(t.Context(), id, strings.NewReader(content), int64(len(content)), "text/plain"); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s media.Store, id string) string {
	t.Helper()
	r, info, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(len(b)) || info.ModTime.IsZero() {
		t.Errorf("info %+v of %d bytes", info, len(b))
	}
	return string(b)
}

func wantAbsent(t *testing.T, s media.Store, id string) {
	t.Helper()
	if r, _, err := s.Open(t.Context(), id); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("Open = %v, want not_found", err)
		if err == nil {
			_ = r.Close()
		}
	}
}

func whatIsPutIsRead(t *testing.T, s media.Store) {
	for _, content := range []string{"", "x", strings.Repeat("0123456789abcdef", 1<<14)} {
		id := newID()
		put(t, s, id, content)
		if got := read(t, s, id); got != content {
			t.Errorf("read %d bytes, put %d", len(got), len(content))
		}
	}
	id := newID()
	if err := s.Put(t.Context(), id, iotest.OneByteReader(strings.NewReader("of unknown length")), -1, ""); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, id); got != "of unknown length" {
		t.Errorf("read %q", got)
	}
}

func anyPartCanBeRead(t *testing.T, s media.Store) {
	id := newID()
	put(t, s, id, "0123456789")
	r, _, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, c := range []struct {
		offset int64
		whence int
		want   string
	}{{4, io.SeekStart, "456"}, {-3, io.SeekEnd, "789"}, {0, io.SeekStart, "012"}, {2, io.SeekCurrent, "567"}} {
		if _, err := r.Seek(c.offset, c.whence); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 3)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != c.want {
			t.Errorf("at %d from %d: %q, %v", c.offset, c.whence, got, err)
		}
	}
}

func puttingAgainReplaces(t *testing.T, s media.Store) {
	id := newID()
	put(t, s, id, "first")
	put(t, s, id, "second")
	if got := read(t, s, id); got != "second" {
		t.Errorf("read %q", got)
	}
}

func absentIsNotFound(t *testing.T, s media.Store) { wantAbsent(t, s, newID()) }

func deletedIsGone(t *testing.T, s media.Store) {
	id, other := newID(), newID()
	put(t, s, id, "a")
	put(t, s, other, "b")
	for range 2 { // the second time there is nothing left to delete
		if err := s.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		wantAbsent(t, s, id)
	}
	if got := read(t, s, other); got != "b" {
		t.Errorf("another file reads %q", got)
	}
}

// B66: a wrong declared length, either way.
func sizesAreHeld(t *testing.T, s media.Store) {
	for _, declared := range []int64{0, 4, 6, 1 << 20} {
		id := newID()
		err := s.Put(t.Context(), id, strings.NewReader("12345"), declared, "")
		if chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("5 bytes declared as %d: %v", declared, err)
		}
		wantAbsent(t, s, id)
	}
}

// B66: aborted at half; what was there before stays.
func brokenOffLeavesNothing(t *testing.T, s media.Store) {
	id, kept := newID(), newID()
	put(t, s, kept, "kept")
	broken := errors.New("connection reset")
	for _, id := range []string{id, kept} {
		half := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
		if err := s.Put(t.Context(), id, half, 8, ""); !errors.Is(err, broken) {
			t.Errorf("Put = %v", err)
		}
	}
	wantAbsent(t, s, id)
	if got := read(t, s, kept); got != "kept" {
		t.Errorf("read %q", got)
	}
}

func cancelledLeavesNothing(t *testing.T, s media.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	id := newID()
	stream := io.MultiReader(strings.NewReader("begun"), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }))
	if err := s.Put(ctx, id, stream, -1, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v", err)
	}
	wantAbsent(t, s, id)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// B65: no name, path or second spelling is taken for an id.
func onlyOurIDsAreTaken(t *testing.T, s media.Store) {
	good := newID()
	put(t, s, good, "x")
	for _, id := range []string{
		"", ".", "..", "../../etc/passwd", "/etc/passwd", `..\x`, "a.html", uuid.Nil.String(),
		strings.ToUpper(good), "{" + good + "}", "urn:uuid:" + good, strings.ReplaceAll(good, "-", ""),
		good + "/", good + "\x00", "../" + good, good[:35], good + " ",
	} {
		if err := s.Put(t.Context(), id, strings.NewReader("x"), 1, ""); chat.CodeOf(err) != chat.CodeNotFound {
			t.Errorf("Put(%q) = %v", id, err)
		}
		if err := s.Delete(t.Context(), id); chat.CodeOf(err) != chat.CodeNotFound {
			t.Errorf("Delete(%q) = %v", id, err)
		}
		wantAbsent(t, s, id)
	}
	if got := read(t, s, good); got != "x" {
		t.Errorf("the good one reads %q", got)
	}
}

func manyAtOnceDoNotMix(t *testing.T, s media.Store) {
	var all sync.WaitGroup
	one := newID()
	for i := range 8 {
		all.Go(func() {
			id, content := newID(), strings.Repeat(string(rune('a'+i)), 10_000)
			for _, id := range []string{id, one} {
				if err := s.Put(t.Context(), id, strings.NewReader(content), 10_000, ""); err != nil {
					t.Error(err)
				}
			}
			if got := read(t, s, id); got != content {
				t.Errorf("%d is mixed", i)
			}
		})
	}
	all.Wait()
	if got := read(t, s, one); got != strings.Repeat(got[:1], 10_000) {
		t.Error("the contended file is mixed")
	}
}

func openFiles(t *testing.T, dir string) *media.Files {
	t.Helper()
	f, err := media.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// onDisk lists the files below dir.
func onDisk(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAFileLiesTwoFoldersDeepReadableByUsOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := newID()
	put(t, openFiles(t, dir), id, "x")
	want := id[34:] + "/" + id[32:34] + "/" + id
	if got := onDisk(t, dir); len(got) != 1 || got[0] != want {
		t.Fatalf("on disk: %v, want %s", got, want)
	}
	stat, err := os.Stat(filepath.Join(dir, want))
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", stat.Mode(), err)
	}
}

// B66: nothing is left on disk, neither by what failed nor, once swept, by a process that was killed.
func TestTheJanitorRemovesWhatAKilledProcessLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := openFiles(t, dir)
	id := newID()
	put(t, f, id, "kept")
	if err := f.Put(t.Context(), newID(), strings.NewReader("x"), 2, ""); err == nil {
		t.Fatal("a short file was taken")
	}
	if got := onDisk(t, dir); len(got) != 1 {
		t.Fatalf("left behind: %v", got)
	}
	now := time.Now()
	for name, age := range map[string]time.Duration{"abandoned": 2 * time.Hour, "being-written": time.Minute} {
		path := filepath.Join(dir, "tmp", name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := f.Sweep(t.Context(), now.Add(-time.Hour)); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v", n, err)
	}
	if got := strings.Join(onDisk(t, dir), " "); !strings.Contains(got, "being-written") || strings.Contains(got, "abandoned") {
		t.Errorf("left: %s", got)
	}
	if got := read(t, f, id); got != "kept" {
		t.Errorf("read %q", got)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Sweep(cancelled, now); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Sweep = %v", err)
	}
}

func TestASymbolicLinkDoesNotLeadOutOfTheStore(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	f := openFiles(t, dir)
	id := newID()
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, id), []byte("secret"), 0o600),
		os.MkdirAll(filepath.Join(dir, id[34:]), 0o700),
		os.Symlink(outside, filepath.Join(dir, id[34:], id[32:34])),
	); err != nil {
		t.Fatal(err)
	}
	if r, _, err := f.Open(t.Context(), id); err == nil {
		b, _ := io.ReadAll(r)
		t.Errorf("read %q from outside", b)
	}
	if err := f.Put(t.Context(), id, strings.NewReader("x"), 1, ""); err == nil {
		t.Error("wrote outside")
	}
	if b, err := os.ReadFile(filepath.Join(outside, id)); err != nil || !bytes.Equal(b, []byte("secret")) {
		t.Errorf("outside now: %q, %v", b, err)
	}
}

func TestAStoreNeedsAFolderThatItCanUse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := media.OpenFiles(file); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestAPreviewHasAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := newID(), newID()
	if media.ThumbID(a) == a || media.ThumbID(a) == media.ThumbID(b) {
		t.Error(media.ThumbID(a), media.ThumbID(b))
	}
	put(t, openFiles(t, t.TempDir()), media.ThumbID(a), "x")
}

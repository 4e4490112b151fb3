package source

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *File) []string {
	t.Helper()
	var out []string
	if _, err := s.Read(1_000_000, func(b []byte) error { out = append(out, string(b)); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNoLineIsLostOrDoubledAcrossRotationTruncationAndRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path, "uno\ndue\nmez")
	s := NewFile(path, Position{})
	got := read(t, s)
	write(t, path, "zo\n")
	s = NewFile(path, s.Position()) // restart in the middle of a line
	got = append(got, read(t, s)...)
	write(t, path, "prima della rotazione\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, path+".1", "ultima\n")
	write(t, path, "nuovo file\n")
	got = append(got, read(t, s)...)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, "dopo\n")
	got = append(got, read(t, s)...)
	want := []string{"uno", "due", "mezzo", "prima della rotazione", "ultima", "nuovo file", "dopo"}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestAFileThatTookTheNameWhileTheAgentWasAwayIsReadFromItsBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path, "vecchia riga che si legge\n")
	s := NewFile(path, Position{})
	read(t, s)
	pos := s.Position()
	s.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "tutto un altro file, più lungo di prima\n")
	if got := read(t, NewFile(path, pos)); len(got) != 1 {
		t.Errorf("read %q", got)
	}
}

func TestAnEnormousLineCostsNoMoreThanTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "prima")
	if err := f.Truncate(1 << 30); err != nil { // a line of 1 GB, sparse
		t.Fatal(err)
	}
	if _, err := f.Seek(0, 2); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "\ndopo\n")
	f.Close()
	s := NewFile(path, Position{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := read(t, s)
	runtime.ReadMemStats(&after)
	if len(got) != 3 || got[0] != "prima" || got[2] != "dopo" || s.Cut != 1 {
		t.Errorf("%d lines, %d cut", len(got), s.Cut)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 8<<20 {
		t.Errorf("it took %d bytes of memory", grown)
	}
}

func TestBinaryIsReadLikeAnyLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bin.log")
	write(t, path, string(bytes.Repeat([]byte{0, 255, 254}, 1000))+"\nfine\n")
	if got := read(t, NewFile(path, Position{})); len(got) != 2 || got[1] != "fine" {
		t.Errorf("%d lines", len(got))
	}
}

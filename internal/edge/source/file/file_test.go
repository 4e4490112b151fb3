package file

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"filo/internal/edge/source/reading"
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

func read(t *testing.T, s reading.Source) []string {
	t.Helper()
	var out []string
	if _, err := s.Read(1_000_000, func(b []byte) error { out = append(out, string(b)); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func pack(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	write(t, path+".gz", z.String())
	os.Remove(path)
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if !slices.Equal(got, lines) {
		t.Errorf("read %q, want %q", got, lines)
	}
}

func TestNoLineIsLostOrDoubledAcrossRotationTruncationAndRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path, "uno\ndue\nmez")
	s := New(path, reading.Position{}, false)
	got := read(t, s)
	write(t, path, "zo\n")
	s = New(path, s.Position(), false) // restart in the middle of a line
	got = append(got, read(t, s)...)
	write(t, path, "prima della rotazione\n")
	rename(t, path, path+".1")
	write(t, path+".1", "ultima\n")
	write(t, path, "nuovo file\n")
	got = append(got, read(t, s)...)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, "dopo\n")
	got = append(got, read(t, s)...)
	want(t, got, "uno", "due", "mezzo", "prima della rotazione", "ultima", "nuovo file", "dopo")
}

func TestLinesWrittenToTheOldNameAfterTheNewFileWasMadeAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	write(t, path, "uno\n")
	s := New(path, reading.Position{}, false)
	got := read(t, s)
	rename(t, path, path+".1")
	write(t, path, "") // the rotation makes the new one before the server lets go of the old one
	got = append(got, read(t, s)...)
	write(t, path+".1", "ancora nel vecchio\n")
	got = append(got, read(t, s)...)
	write(t, path, "nel nuovo\n")
	want(t, append(got, read(t, s)...), "uno", "ancora nel vecchio", "nel nuovo")
}

func TestWhatWasRotatedAndCompressedWhileTheAgentWasAwayIsReadFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path, "letta\n")
	s := New(path, reading.Position{}, false)
	got := read(t, s)
	pos := s.Position()
	s.Close()
	write(t, path, "scritta dopo\n")
	rename(t, path, path+".2")
	pack(t, path+".2")
	write(t, path+".1", "un giorno intero\nsenza fine riga")
	write(t, path, "oggi\n")
	s = New(path, pos, false)
	want(t, append(got, read(t, s)...), "letta", "scritta dopo", "un giorno intero", "senza fine riga", "oggi")
	if d := s.Counters().Dropped; len(d) != 0 {
		t.Errorf("dropped %v", d)
	}
}

func TestARotationThatCannotBeFoundAgainIsCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path, "vecchia riga che si legge\n")
	s := New(path, reading.Position{}, false)
	read(t, s)
	pos := s.Position()
	s.Close()
	os.Remove(path)
	write(t, path, "tutto un altro file, più lungo di prima\n")
	s = New(path, pos, false)
	want(t, read(t, s), "tutto un altro file, più lungo di prima")
	if s.Counters().Dropped[LostRotated] != 1 {
		t.Errorf("counted %v", s.Counters())
	}
}

func TestACopyBeforeTruncationGivesTheLinesNobodyHadReadYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "uno\n")
	s := New(path, reading.Position{}, false)
	got := read(t, s)
	write(t, path, "due\n")
	b, _ := os.ReadFile(path)
	write(t, path+".1", string(b))
	os.Truncate(path, 0)
	write(t, path, "3\n")
	want(t, append(got, read(t, s)...), "uno", "due", "3")
}

func TestHistoryIsReadOnceFromTheOldestEvenWhenInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path+".10", "a\n")
	pack(t, path+".10")
	write(t, path+".2", "b1\nb2\n")
	write(t, path+".1", "c\n")
	write(t, path, "d\n")
	write(t, filepath.Join(filepath.Dir(path), "other.log.1"), "nicht unsere\n")
	var got []string
	var pos reading.Position
	for range 10 { // the agent is stopped after each line, and the log rotated once
		s := New(path, pos, true)
		if _, err := s.Read(1, func(b []byte) error { got = append(got, string(b)); return nil }); err != nil {
			t.Fatal(err)
		}
		pos = s.Position()
		s.Close()
		if len(got) == 2 {
			rename(t, path+".2", path+".3")
			rename(t, path+".1", path+".2")
			rename(t, path, path+".1")
			write(t, path, "e\n")
		}
	}
	want(t, got, "a", "b1", "b2", "c", "d", "e")
}

func TestALineThatWasRefusedComesAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log")
	write(t, path, "uno\ndue\n")
	s := New(path, reading.Position{}, false)
	full := errors.New("disk full")
	var got []string
	n, err := s.Read(10, func(b []byte) error {
		if string(b) == "due" && len(got) == 1 {
			got = append(got, "no")
			return full
		}
		got = append(got, string(b))
		return nil
	})
	if n != 1 || !errors.Is(err, full) {
		t.Fatalf("%d lines, %v", n, err)
	}
	want(t, append(got, read(t, s)...), "uno", "no", "due")
	if s.Counters().Read != 2 {
		t.Errorf("counted %+v", s.Counters())
	}
}

func TestAnEnormousLineCostsNoMoreThanTheLimitAndARestartInsideItDoublesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "prima")
	if err := f.Truncate(1 << 30); err != nil { // a line of 1 GB, sparse
		t.Fatal(err)
	}
	s := New(path, reading.Position{}, false)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := read(t, s)
	pos := s.Position()
	s.Close()
	if _, err := f.Seek(0, 2); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "ancora\ndopo\n")
	f.Close()
	got = append(got, read(t, New(path, pos, false))...)
	runtime.ReadMemStats(&after)
	if len(got) != 3 || got[0] != "prima" || got[2] != "dopo" || s.Counters().Cut != 1 {
		t.Errorf("%d lines, %+v", len(got), s.Counters())
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 8<<20 {
		t.Errorf("it took %d bytes of memory", grown)
	}
}

func TestBinaryIsReadLikeAnyLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bin.log")
	write(t, path, string(bytes.Repeat([]byte{0, 255, 254}, 1000))+"\nfine\n")
	if got := read(t, New(path, reading.Position{}, false)); len(got) != 2 || got[1] != "fine" {
		t.Errorf("%d lines", len(got))
	}
}

func TestAFolderIsReadWithoutReadingTheSameLinesTwiceAfterRotation(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "access.log"), filepath.Join(dir, "u_ex261124.log")
	write(t, a, "a1\n")
	write(t, b, "b1\n")
	s, err := NewSet(dir, reading.Position{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, s)
	rename(t, a, filepath.Join(dir, "access-20261124.log"))
	s.looked = s.looked.Add(-lookEvery)
	got = append(got, read(t, s)...)
	write(t, a, "a2\n")
	write(t, filepath.Join(dir, "u_ex261125.log"), "c1\n")
	s.looked = s.looked.Add(-lookEvery)
	got = append(got, read(t, s)...)
	pos := s.Position()
	s.Close()
	write(t, b, "b2\n")
	if s, err = NewSet(dir, pos, false, false); err != nil {
		t.Fatal(err)
	}
	got = append(got, read(t, s)...)
	slices.Sort(got)
	want(t, got, "a1", "a2", "b1", "b2", "c1")
}

func TestADamagedCompressedFileGivesWhatItHoldsAndIsCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.log.5")
	for i := range 2000 {
		write(t, path, fmt.Sprintf("riga %d %x\n", i, i*7919))
	}
	pack(t, path)
	os.Truncate(path+".gz", 4000)
	s := New(path+".gz", reading.Position{}, false)
	if got := read(t, s); len(got) < 100 || s.Counters().Dropped[LostDamaged] != 1 {
		t.Errorf("%d lines, %+v", len(got), s.Counters())
	}
}

func TestLinesInColumnsFindTheirHeadsAgainAfterARestartAndInAFolder(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "u_ex261124.log"), filepath.Join(dir, "utenti.csv")
	write(t, a, "#Software: x\n#Fields: date c-ip\n2026-11-24 203.0.113.9\n")
	write(t, b, "UserId,ClientIP,Operation\nuno,203.0.113.9,login\n")
	s, err := NewSet(dir, reading.Position{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	s.Heads(func(l []byte) { got = append(got, "head "+string(l)) })
	line := func(l []byte) error { got = append(got, string(l)); return nil }
	s.Read(100, line)
	write(t, a, "2026-11-24 203.0.113.10\n")
	write(t, b, "due,203.0.113.9,login\n")
	got = nil
	s.Read(100, line)
	for _, pair := range [][2]string{{"head #Fields: date c-ip", "2026-11-24 203.0.113.10"}, {"head UserId,ClientIP,Operation", "due,203.0.113.9,login"}} {
		if i := slices.Index(got, pair[0]); i < 0 || i+1 >= len(got) || got[i+1] != pair[1] {
			t.Errorf("%q", got)
		}
	}
	pos := s.files[a].Position()
	s.Close()
	write(t, a, "2026-11-24 203.0.113.11\n")
	one := New(a, pos, false)
	one.Heads(func(l []byte) { got = append(got, "head "+string(l)) })
	got = nil
	one.Read(100, line)
	want(t, got, "head #Software: x", "head #Fields: date c-ip", "2026-11-24 203.0.113.11")
}

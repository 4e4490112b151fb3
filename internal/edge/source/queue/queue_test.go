package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"filo/internal/edge/source/reading"
)

func open(t *testing.T, dir string, limit int64, pos reading.Position) *Queue {
	t.Helper()
	q, err := Open(dir, limit, pos)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Shut)
	return q
}

func read(t *testing.T, q *Queue, most int) []string {
	t.Helper()
	var out []string
	if _, err := q.Read(most, func(b []byte) error { out = append(out, string(b)); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func numbered(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("riga %d %s", i, strings.Repeat("x", i%50)))
	}
	return out
}

func add(q *Queue, lines []string) {
	for _, l := range lines {
		q.Append([]byte(l))
	}
}

func TestRecordsOutliveTheProcessAndComeOnce(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 1<<20, reading.Position{})
	add(q, numbered(0, 3000))
	got := read(t, q, 1000)
	pos := q.Position()
	q.Shut()
	q = open(t, dir, 1<<20, pos)
	add(q, numbered(3000, 3010))
	if got = append(got, read(t, q, 5000)...); !slices.Equal(got, numbered(0, 3010)) {
		t.Errorf("%d records", len(got))
	}
}

func TestARewindGivesAgainWhatWasReadSinceTheKeptPosition(t *testing.T) {
	q := open(t, t.TempDir(), 64<<10, reading.Position{})
	add(q, numbered(0, 500))
	read(t, q, 100)
	kept := q.Position()
	read(t, q, 300)
	q.Position() // could not be kept
	if err := q.Rewind(kept); err != nil {
		t.Fatal(err)
	}
	if got := read(t, q, 1000); !slices.Equal(got, numbered(100, 500)) {
		t.Errorf("%d records", len(got))
	}
}

func TestWhatFindsNoRoomIsCountedAndReadingMakesRoom(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 64<<10, reading.Position{})
	add(q, numbered(0, 3000))
	lost := q.Counters().Dropped[LostFull]
	got := read(t, q, 5000)
	if lost == 0 || uint64(len(got))+lost != 3000 {
		t.Fatalf("%d given, %d lost", len(got), lost)
	}
	q.Position()
	q.Position()
	add(q, numbered(0, 200))
	if n := q.Counters().Dropped[LostFull]; n != lost {
		t.Errorf("%d more lost", n-lost)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	var size int64
	for _, f := range files {
		st, _ := os.Stat(f)
		size += st.Size()
	}
	if size > 64<<10 {
		t.Errorf("%d bytes on disk", size)
	}
}

func TestADamagedPlaceCostsItsSegmentAndIsCounted(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, 64<<10, reading.Position{})
	add(q, numbered(0, 700))
	q.Shut()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) < 3 {
		t.Fatalf("%d segments", len(files))
	}
	slices.Sort(files)
	b, _ := os.ReadFile(files[1])
	b[len(b)/2] ^= 0xff
	os.WriteFile(files[1], b, 0o600)
	q = open(t, dir, 64<<10, reading.Position{})
	got := read(t, q, 1000)
	all := numbered(0, 700)
	if len(got) >= 700 || got[0] != all[0] || got[len(got)-1] != all[699] || q.Counters().Dropped[LostDamaged] != 1 {
		t.Errorf("%d records, %+v", len(got), q.Counters())
	}
}

func TestALongRecordIsCut(t *testing.T) {
	q := open(t, t.TempDir(), 1<<20, reading.Position{})
	q.Append(bytes.Repeat([]byte("è"), reading.MaxLine))
	if got := read(t, q, 10); len(got) != 1 || len(got[0]) > reading.MaxLine || q.Counters().Cut != 1 {
		t.Errorf("%d records, %+v", len(got), q.Counters())
	}
}

func TestARefusedRecordComesAgain(t *testing.T) {
	q := open(t, t.TempDir(), 1<<20, reading.Position{})
	add(q, numbered(0, 2))
	full := errors.New("disk full")
	if n, err := q.Read(5, func([]byte) error { return full }); n != 0 || !errors.Is(err, full) {
		t.Fatalf("%d, %v", n, err)
	}
	if got := read(t, q, 5); !slices.Equal(got, numbered(0, 2)) {
		t.Errorf("%q", got)
	}
}

// TestMain lets the test program be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("QUEUE_WRITER"); dir != "" {
		q, err := Open(dir, 1<<30, reading.Position{})
		if err != nil {
			panic(err)
		}
		for i := 0; ; i++ {
			q.Append([]byte(strconv.Itoa(i)))
			fmt.Println(i) // said only when it was taken
		}
	}
	os.Exit(m.Run())
}

func TestAKilledProcessLosesNothingThatItHadTaken(t *testing.T) {
	for round := range 5 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "QUEUE_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := -1
		for s := bufio.NewScanner(out); s.Scan(); {
			if n, err := strconv.Atoi(s.Text()); err == nil {
				said = n
			}
			if said == 500+round*137 {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		q := open(t, dir, 1<<30, reading.Position{})
		got := read(t, q, 1<<30)
		for i, l := range got {
			if l != strconv.Itoa(i) {
				t.Fatalf("record %d is %q", i, l)
			}
		}
		if len(got) <= said {
			t.Errorf("%d records, %d were taken", len(got), said+1)
		}
	}
}

func FuzzSegments(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00a"), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, pos int64) {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "0000000000000000"+suffix), b, 0o600)
		os.WriteFile(filepath.Join(dir, fmt.Sprintf("%016x%s", len(b)+9, suffix)), b, 0o600)
		q, err := Open(dir, 1<<20, reading.Position{Offset: pos})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Shut()
		q.Read(1000, func([]byte) error { return nil })
		q.Append([]byte("dopo"))
		var last string
		if _, err := q.Read(1000, func(b []byte) error { last = string(b); return nil }); err != nil || last != "dopo" {
			t.Errorf("%q, %v", last, err)
		}
	})
}

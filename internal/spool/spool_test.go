package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filo/internal/wire"
)

func event(n int) wire.Event {
	return wire.Event{Kind: wire.EventFinding, Payload: []byte(fmt.Sprintf(`{"n":%d}`, n))}
}

func open(t *testing.T, dir string) *Spool {
	t.Helper()
	s, err := Open(dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestEventsWaitThroughARestartInOrderUntilTheyAreAcknowledged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 10 {
		if err := s.Append(event(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ack(4); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	got, err := s.Pending(100)
	if err != nil || len(got) != 6 || got[0].Seq != 5 || got[5].Seq != 10 {
		t.Fatalf("after a restart %d wait (%v)", len(got), err)
	}
	if err := s.Append(event(99)); err != nil {
		t.Fatal(err)
	}
	if got, _ = s.Pending(100); got[6].Seq != 11 || s.Len() != 7 {
		t.Errorf("numbers go on with %d, %d wait", got[6].Seq, s.Len())
	}
}

func TestWhatACrashLeftHalfWrittenIsCutOffAndTheRestKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Append(event(1), event(2)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		if err := os.WriteFile(names[0], whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, 64<<20)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got, _ := s.Pending(9); len(got) > 1 {
			t.Fatalf("cut at %d: %d events are whole", cut, len(got))
		}
		before := s.Len()
		if err := s.Append(event(7)); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Pending(9); len(got) != before+1 {
			t.Fatalf("cut at %d: %d wait after one more, want %d", cut, len(got), before+1)
		}
		s.Close()
	}
}

func TestAFullQueueRefusesTheNewAndKeepsTheOld(t *testing.T) {
	s, err := Open(t.TempDir(), 300)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := 0
	for ; n < 100; n++ {
		if err = s.Append(event(n)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d events: %v", n, err)
	}
	if got, _ := s.Pending(100); len(got) != n {
		t.Errorf("%d kept, %d taken", len(got), n)
	}
}

func TestSegmentsGoOnceAllOfThemIsAcknowledged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	big := wire.Event{Kind: "x", Payload: append(append([]byte(`"`), bytes.Repeat([]byte("a"), 900<<10)...), '"')}
	for range 12 {
		if err := s.Append(big); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ack(11); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if got, _ := s.Pending(100); len(names) != 1 || len(got) != 1 {
		t.Errorf("%d segments and %d events are left", len(names), len(got))
	}
	if err := s.Ack(99); err == nil {
		t.Error("the node acknowledges what was never made")
	}
}

func FuzzReadRecord(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			if _, _, err := readRecord(r); err != nil {
				return
			}
		}
	})
}

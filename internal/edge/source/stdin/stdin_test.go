package stdin

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"filo/internal/edge/source/reading"
)

func TestLinesOfAPipeAreReadAgainAfterARewindAndTheLastOneNeedsNoEnd(t *testing.T) {
	s, err := Open(strings.NewReader("uno\ndue\ntre"), t.TempDir(), 1<<20, reading.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []string
	read := func(most int) {
		if _, err := s.Read(most, func(b []byte) error { got = append(got, string(b)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(5 * time.Second); len(got) < 1 && time.Now().Before(end); {
		read(1)
	}
	kept := s.Position()
	for end := time.Now().Add(5 * time.Second); !s.Ended() && time.Now().Before(end); {
		read(10)
	}
	if err := s.Rewind(kept); err != nil {
		t.Fatal(err)
	}
	read(10)
	if want := []string{"uno", "due", "tre", "due", "tre"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAWriterFasterThanTheAgentWaitsAndLosesNothing(t *testing.T) {
	r, w := io.Pipe()
	const lines = 5000
	go func() {
		for range lines {
			io.WriteString(w, strings.Repeat("x", 200)+"\n")
		}
		w.Close()
	}()
	s, err := Open(r, t.TempDir(), 4*reading.MaxLine, reading.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for end := time.Now().Add(5 * time.Second); !s.Full() && time.Now().Before(end); { // the agent is busy elsewhere
		time.Sleep(time.Millisecond)
	}
	n := 0
	for end := time.Now().Add(20 * time.Second); !s.Ended() && time.Now().Before(end); time.Sleep(time.Millisecond) {
		k, err := s.Read(500, func([]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		n += k
		s.Position()
	}
	if c := s.Counters(); n != lines || c.Dropped != nil {
		t.Errorf("%d lines of %d, %+v", n, lines, c)
	}
}

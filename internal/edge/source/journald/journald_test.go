package journald

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"filo/internal/edge/source/reading"
)

// TestMain lets the test program stand in for journalctl: it tells ten entries,
// those behind the cursor it is given, and goes on waiting.
func TestMain(m *testing.M) {
	args := strings.Join(os.Args[1:], " ")
	if !strings.Contains(args, "--output=json") {
		os.Exit(m.Run())
	}
	after := 0
	for _, a := range os.Args {
		if c, ok := strings.CutPrefix(a, "--after-cursor=s=aa;i="); ok {
			fmt.Sscanf(c, "%x", &after)
		}
	}
	if strings.Contains(args, "--lines=1") {
		after = 9
	}
	if strings.Contains(args, "--unit=rotto.service") {
		fmt.Fprintln(os.Stderr, "No journal files were opened due to insufficient permissions.")
		os.Exit(1)
	}
	for i := after + 1; i <= 10; i++ {
		if i == 5 && strings.Contains(args, "--unit=") {
			continue
		}
		fmt.Printf(`{"MESSAGE":"riga %d \"__CURSOR\":\"falso\"","__CURSOR":"s=aa;i=%x;b=1"}`+"\n", i, i)
	}
	if strings.Contains(args, "--follow") {
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

func take(t *testing.T, s *Source, n int) (got []string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(got) < n && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := s.Read(n-len(got), func(b []byte) error {
			_, text, _ := strings.Cut(string(b), "riga ")
			text, _, _ = strings.Cut(text, " ")
			got = append(got, text)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func open(t *testing.T, c Config, pos reading.Position) *Source {
	t.Helper()
	c.Command = os.Args[0]
	s, err := Open(c, pos)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestTheJournalGoesOnBehindItsCursorAfterARestartAndARewind(t *testing.T) {
	s := open(t, Config{}, reading.Position{})
	got := take(t, s, 4)
	pos := s.Position()
	s.Close()
	if pos.Cursor != "s=aa;i=4;b=1" {
		t.Fatalf("cursor %q", pos.Cursor)
	}
	s = open(t, Config{}, pos)
	take(t, s, 3)
	if err := s.Rewind(pos); err != nil {
		t.Fatal(err)
	}
	got = append(got, take(t, s, 6)...)
	if want := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestFromTheEndOnlyWhatComesLaterIsRead(t *testing.T) {
	s := open(t, Config{FromEnd: true}, reading.Position{})
	if p := s.Position(); p.Cursor != "s=aa;i=a;b=1" {
		t.Errorf("%+v", p)
	}
}

func TestWhatJournalctlComplainsOfIsTold(t *testing.T) {
	s := open(t, Config{Unit: "rotto.service"}, reading.Position{})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := s.Read(1, func([]byte) error { return nil }); err != nil {
			if !strings.Contains(err.Error(), "insufficient permissions") {
				t.Error(err)
			}
			return
		}
	}
	t.Error("nothing was told")
}

func TestAGapInTheNumbersIsNoted(t *testing.T) {
	if !gap("s=aa;i=9;b=1", "s=aa;i=c;b=1") || gap("s=aa;i=9;b=1", "s=aa;i=a;b=1") || gap("s=aa;i=9", "s=bb;i=20") || gap("", "s=aa;i=9") {
		t.Error("gaps are not what they should be")
	}
}

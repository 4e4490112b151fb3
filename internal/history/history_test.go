package history

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"filo/internal/observable"
)

var now = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func bad(v string) []observable.Value { return []observable.Value{{Kind: observable.IPv4, Value: v}} }

func TestTheLookBackSaysWhenWhereAndHowOftenAndWhatItCovers(t *testing.T) {
	dir := t.TempDir()
	h, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := h.Line(now.Add(-time.Duration(i)*time.Hour), "auth", bad("203.0.113.9")); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Line(now, "web", bad("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if err := h.Flush(now); err != nil {
		t.Fatal(err)
	}
	h, err = Open(dir) // as after a restart
	if err != nil {
		t.Fatal(err)
	}
	set := observable.NewSet()
	for _, v := range []string{"203.0.113.9", "198.51.100.1"} {
		if err := set.Add(observable.IPv4, v, v); err != nil {
			t.Fatal(err)
		}
	}
	seen, cover, err := h.Look(set, now)
	if err != nil {
		t.Fatal(err)
	}
	s := seen["203.0.113.9"]
	if len(seen) != 1 || s == nil || s.Count != 5 || s.Log != "auth" || !s.First.Equal(now.Add(-4*time.Hour)) || !s.Last.Equal(now) {
		t.Errorf("seen %+v", s)
	}
	if cover.Lines != 6 || len(cover.Logs) != 2 || now.Sub(cover.From) < 4*time.Hour {
		t.Errorf("coverage %+v", cover)
	}
}

func TestRetentionDeletesWholeHoursAfterThirtyDays(t *testing.T) {
	dir := t.TempDir()
	h, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, 29 * 24 * time.Hour, 31 * 24 * time.Hour} {
		if err := h.Line(now.Add(-age), "auth", bad("203.0.113.9")); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Flush(now); err != nil {
		t.Fatal(err)
	}
	if err := h.Retain(now); err != nil {
		t.Fatal(err)
	}
	if names, _ := h.files(); len(names) != 2 {
		t.Errorf("%d hours are left, want 2", len(names))
	}
}

func TestADamagedHourIsSetAsideAndTheOthersAnswer(t *testing.T) {
	dir := t.TempDir()
	h, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, 5 * time.Hour} {
		if err := h.Line(now.Add(-age), "auth", bad("203.0.113.9")); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Flush(now); err != nil {
		t.Fatal(err)
	}
	names, _ := h.files()
	if err := os.WriteFile(filepath.Join(dir, names[0]), []byte("00000000\n{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := observable.NewSet()
	if err := set.Add(observable.IPv4, "203.0.113.9", "k"); err != nil {
		t.Fatal(err)
	}
	seen, _, err := h.Look(set, now)
	if err != nil || seen["k"] == nil || seen["k"].Count != 1 || len(h.Damaged) != 1 {
		t.Errorf("seen %+v, damaged %v, %v", seen["k"], h.Damaged, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("a3830348\n{}"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = decode(b) })
}

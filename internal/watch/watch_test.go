package watch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filo/internal/observable"
)

func open(t *testing.T, dir string) *List {
	t.Helper()
	l, damaged, err := Open(dir, 11)
	if err != nil || damaged {
		t.Fatal(err, damaged)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func entry(kind, value, name string) Entry {
	return Entry{observable.Value{Kind: kind, Value: value}, name}
}

// found gives "value name" of every hit in a line.
func found(t *testing.T, l *List, line string) []string {
	t.Helper()
	b := []byte(line)
	hits, err := l.Match(b, observable.Finder{Seed: l.seed}.Find(b, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, h := range hits {
		for _, n := range h.Names {
			out = append(out, h.Value.Value+" "+n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestWhatIsWatchedForIsFoundBeforeAndAfterARestart(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	must(t, l.Add(entry(observable.IPv4, "203.0.113.9", "a1"), entry(observable.IPv4, "203.0.113.9", "a2"), entry(observable.Domain, "evil.example", "a1"),
		entry(observable.Network, "198.51.100.0/24", "a3"), entry(observable.Network, "198.51.100.128/25", "a4"), entry(observable.IPv6, "2001:db8::7", "a5")))
	must(t, l.Save())
	must(t, l.Add(entry(observable.URL, "http://evil.example/x", "a6"), entry(observable.IPv4, "203.0.113.10", "a7")))
	must(t, l.Remove(entry(observable.IPv4, "203.0.113.9", "a2"), entry(observable.IPv4, "203.0.113.10", "a7"), entry(observable.IPv4, "9.9.9.9", "nobody")))
	for round := range 2 {
		for line, want := range map[string]string{
			"from 203.0.113.9 port 22":     "203.0.113.9 a1",
			"from 203.0.113.10 port 22":    "",
			"GET http://evil.example/x z":  "evil.example a1,http://evil.example/x a6",
			"q: mail.evil.example. IN A":   "evil.example a1",
			"q: notevil.example. IN A":     "",
			"src=198.51.100.200 dst=1.1.1": "198.51.100.0/24 a3,198.51.100.128/25 a4",
			"[2001:0db8::0007]:22":         "2001:db8::7 a5",
		} {
			if got := strings.Join(found(t, l, line), ","); got != want {
				t.Errorf("round %d: %q gives %q, want %q", round, line, got, want)
			}
		}
		if l.Len() != 6 {
			t.Errorf("round %d: %d entries, want 6", round, l.Len())
		}
		if round == 0 {
			must(t, l.Save())
			must(t, l.Close())
			l = open(t, dir)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestManyChangesGiveWhatASimpleMapGives(t *testing.T) {
	l := open(t, t.TempDir())
	r := rand.New(rand.NewPCG(1, 1))
	want := map[Entry]bool{}
	for range 60 {
		var add, gone []Entry
		for range 1000 {
			e := entry(observable.IPv4, fmt.Sprintf("203.%d.%d.%d", r.IntN(2), r.IntN(100), r.IntN(256)), fmt.Sprint("n", r.IntN(2)))
			if r.IntN(3) == 0 {
				gone = append(gone, e)
				delete(want, e)
			} else {
				add = append(add, e)
			}
		}
		must(t, l.Remove(gone...))
		must(t, l.Add(add...))
		for _, e := range add {
			want[e] = true
		}
	}
	if l.Len() != len(want) {
		t.Fatalf("%d entries, want %d", l.Len(), len(want))
	}
	n := 0
	for e, err := range l.Entries() {
		must(t, err)
		if !want[e] {
			t.Fatalf("%v was taken back", e)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d entries listed, want %d", n, len(want))
	}
}

func TestManyAtOnceAreAddedWithoutDoubles(t *testing.T) {
	l := open(t, t.TempDir())
	must(t, l.Add(entry(observable.IPv4, "10.0.0.1", "a"), entry(observable.Network, "198.51.100.0/24", "n")))
	var many []Entry
	for i := range maxDelta + 5 {
		many = append(many, entry(observable.IPv4, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), "a"))
	}
	many = append(many, entry(observable.Network, "198.51.100.0/24", "n"), entry(observable.IPv4, "no", "a"))
	if err := l.Add(many...); err == nil {
		t.Error("what is no address was taken")
	}
	if l.Len() != maxDelta+6 {
		t.Errorf("%d entries, want %d", l.Len(), maxDelta+6)
	}
	if got := strings.Join(found(t, l, "from 10.0.78.32 port 1"), ","); got != "10.0.78.32 a" {
		t.Errorf("found %q", got)
	}
}

func TestADamagedListIsSetAsideAndSaidSo(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	must(t, l.Add(entry(observable.IPv4, "203.0.113.9", "a")))
	must(t, l.Save())
	must(t, l.Close())
	path := filepath.Join(dir, "watch")
	good, err := os.ReadFile(path)
	must(t, err)
	for i := range good {
		b := slices.Clone(good)
		b[i] ^= 0x40
		must(t, os.WriteFile(path, b, 0o600))
		if _, err := openFile(path); i < 36 && err == nil || i >= headSize && !errors.Is(err, errDamaged) {
			t.Fatalf("byte %d changed and nobody noticed (%v)", i, err)
		}
	}
	must(t, os.WriteFile(path, good[:len(good)-3], 0o600))
	l, damaged, err := Open(dir, 11)
	must(t, err)
	defer l.Close()
	if !damaged || l.Len() != 0 {
		t.Errorf("damaged %v, %d entries", damaged, l.Len())
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error("the damaged file was not kept")
	}
}

func FuzzOpenFile(f *testing.F) {
	dir := f.TempDir()
	l, _, err := Open(dir, 1)
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(l.Add(entry(observable.Domain, "evil.example", "a"), entry(observable.Network, "198.51.100.0/24", "b")), l.Save()); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "watch"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "watch")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := openFile(path)
		if err != nil {
			return
		}
		defer x.Close()
		for range x.values() {
		}
		for range x.networks() {
		}
		_, _ = x.names(1, observable.Value{})
	})
}

package history

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filo/internal/observable"
	"filo/internal/spool"
)

var now = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

const seed = observable.Seed(42)

func key(v string) observable.Key {
	x, err := observable.Guess(v)
	if err != nil {
		panic(err)
	}
	k, _ := seed.Of(x)
	return k
}

func open(t *testing.T, dir string, mark Mark) *History {
	t.Helper()
	h, err := Open(dir, seed, Options{}, mark)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, h *History) Mark {
	t.Helper()
	m, err := h.Flush()
	must(t, err)
	return m
}

func look(t *testing.T, h *History, at time.Time, values ...string) (map[observable.Key]*Seen, Coverage) {
	t.Helper()
	var keys []observable.Key
	for _, v := range values {
		keys = append(keys, key(v))
	}
	seen, cover, err := h.Look(keys, at)
	must(t, err)
	return seen, cover
}

func TestTheLookBackSaysWhenWhereAndHowOftenAndWhatItCovers(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	for i := range 5 {
		must(t, h.Line(now, now.Add(-time.Duration(i)*time.Hour), "auth", []observable.Key{key("203.0.113.9")}))
	}
	must(t, h.Line(now, now.Add(-40*24*time.Hour), "auth", []observable.Key{key("203.0.113.9")}))
	must(t, h.Line(now, now, "web", []observable.Key{key("192.0.2.1"), key("evil.example")}))
	flush(t, h)
	h.Close()
	h = open(t, dir, nil) // as after a restart
	for round := range 3 {
		seen, cover := look(t, h, now, "203.0.113.9", "198.51.100.1")
		s := seen[key("203.0.113.9")]
		if len(seen) != 1 || s == nil || s.Count != 6 || s.Log != "auth" || !s.First.Equal(now.Add(-40*24*time.Hour)) || !s.Last.Equal(now) {
			t.Fatalf("round %d: seen %+v", round, s)
		}
		if cover.Lines != 7 || len(cover.Logs) != 2 || now.Sub(cover.From) < 40*24*time.Hour || len(cover.Gaps) != 1 || cover.Gaps[0].Until.Sub(cover.Gaps[0].From) < 39*24*time.Hour {
			t.Errorf("round %d: coverage %+v", round, cover)
		}
		later := now.Add(time.Duration(round+1) * 30 * time.Hour) // hours become segments, segments become days
		must(t, h.Roll(later))
		must(t, h.Roll(later.Add(time.Hour)))
		must(t, h.Tidy(later.Add(time.Hour)))
	}
	if x := h.Health(); x.Entries != 0 || x.Segments == 0 || len(x.Damaged) != 0 {
		t.Errorf("health %+v", x)
	}
}

// fill puts random entries of ninety days into a look-back and gives what a
// plain map says of them.
func fill(t *testing.T, h *History, n int) map[observable.Key]Seen {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	want := map[observable.Key]Seen{}
	for i := range n {
		at := now.Add(-time.Duration(r.IntN(85*24*3600)) * time.Second).Truncate(time.Second)
		k := observable.Key(uint64(r.IntN(n/3))*0x9E3779B97F4A7C15 + 7)
		must(t, h.Line(now, at, fmt.Sprint("log", r.IntN(3)), []observable.Key{k}))
		s, ok := want[k]
		if !ok {
			s = Seen{First: at, Last: at}
		}
		s.Count++
		if at.Before(s.First) {
			s.First = at
		}
		if at.After(s.Last) {
			s.Last = at
		}
		want[k] = s
		if i%5000 == 4999 {
			flush(t, h)
			must(t, h.Roll(now))
		}
	}
	flush(t, h)
	return want
}

func compare(t *testing.T, h *History, want map[observable.Key]Seen, when string) {
	t.Helper()
	keys := slices.Collect(maps.Keys(want))
	for i := range 1000 {
		keys = append(keys, observable.Key(uint64(i+1)*0xD6E8FEB86659FD93))
	}
	got, _, err := h.Look(keys, now)
	must(t, err)
	if len(got) != len(want) {
		t.Errorf("%s: %d seen, want %d", when, len(got), len(want))
	}
	for k, w := range want {
		g := got[k]
		if g == nil || g.Count != w.Count || !g.First.Equal(w.First) || !g.Last.Equal(w.Last) {
			t.Fatalf("%s: %x is seen as %+v, want %+v", when, k, g, w)
		}
	}
}

func TestSegmentsSayWhatAPlainMapSaysBeforeAndAfterMerging(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	want := fill(t, h, 40_000)
	compare(t, h, want, "in memory and segments")
	later := now
	for i := range 6 {
		later = later.Add(8 * time.Hour)
		must(t, h.Roll(later))
		must(t, h.Tidy(later))
		compare(t, h, want, fmt.Sprint("after tidying ", i))
	}
	must(t, h.Check())
	x := h.Health()
	if x.Segments > 35 || len(x.Damaged) > 0 {
		t.Errorf("%d segments are left of 90 days, damaged %v", x.Segments, x.Damaged)
	}
	h.Close()
	compare(t, open(t, dir, nil), want, "after a restart")
}

func TestACrashCountsNoLineTwice(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	k := []observable.Key{key("203.0.113.9")}
	must(t, h.Line(now, now, "auth", k))
	mark := flush(t, h) // the caller keeps its positions with this mark
	must(t, h.Line(now, now, "auth", k))
	flush(t, h)
	h.Close() // killed before the positions were kept: the line is read again
	h = open(t, dir, mark)
	must(t, h.Line(now, now, "auth", k))
	mark = flush(t, h)
	if seen, _ := look(t, h, now, "203.0.113.9"); seen[k[0]].Count != 2 {
		t.Errorf("counted %d times", seen[k[0]].Count)
	}
	// Killed between a segment and the end of its journal.
	journals, _ := filepath.Glob(filepath.Join(dir, "*.journal"))
	kept, err := os.ReadFile(journals[0])
	must(t, err)
	must(t, h.Roll(now.Add(3*time.Hour)))
	must(t, h.Roll(now.Add(4*time.Hour)))
	h.Close()
	must(t, os.WriteFile(journals[0], kept, 0o600))
	h = open(t, dir, mark)
	if seen, _ := look(t, h, now, "203.0.113.9"); seen[k[0]].Count != 2 {
		t.Errorf("after a kill while rolling it counts %d times", seen[k[0]].Count)
	}
}

func TestAMergeThatWasKilledIsNotCountedTwice(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	want := fill(t, h, 3000)
	must(t, h.Roll(now.Add(time.Hour)))
	must(t, h.Roll(now.Add(2*time.Hour)))
	before := map[string][]byte{}
	list, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	for _, p := range list {
		b, err := os.ReadFile(p)
		must(t, err)
		before[p] = b
	}
	must(t, h.Tidy(now.Add(2*time.Hour)))
	h.Close()
	for p, b := range before { // as if the kill came before the old ones were deleted
		must(t, os.WriteFile(p, b, 0o600))
	}
	p, err := Peek(dir, seed)
	must(t, err)
	compare(t, p, want, "who peeks meanwhile")
	p.Close()
	compare(t, open(t, dir, nil), want, "after the kill")
}

func TestOnePeeksBesideAnAgentThatGoesOnWriting(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	must(t, h.Line(now.Add(-5*time.Hour), now.Add(-5*time.Hour), "auth", []observable.Key{key("203.0.113.9")}))
	flush(t, h)
	must(t, h.Roll(now))
	must(t, h.Roll(now.Add(time.Hour)))
	must(t, h.Line(now, now, "auth", []observable.Key{key("203.0.113.9")}))
	flush(t, h)
	p, err := Peek(dir, seed)
	must(t, err)
	defer p.Close()
	if seen, cover := look(t, p, now, "203.0.113.9"); seen[key("203.0.113.9")].Count != 2 || cover.Lines != 2 {
		t.Errorf("seen %+v, coverage %+v", seen, cover)
	}
	must(t, h.Line(now, now, "auth", []observable.Key{key("203.0.113.9")}))
	flush(t, h)
}

func TestATornJournalGivesWhatIsWhole(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	must(t, h.Line(now, now, "auth", []observable.Key{key("203.0.113.9")}))
	flush(t, h)
	must(t, h.Line(now, now, "auth", []observable.Key{key("203.0.113.10")}))
	flush(t, h)
	h.Close()
	journals, _ := filepath.Glob(filepath.Join(dir, "*.journal"))
	b, err := os.ReadFile(journals[0])
	must(t, err)
	must(t, os.WriteFile(journals[0], b[:len(b)-3], 0o600))
	h = open(t, dir, nil)
	seen, _ := look(t, h, now, "203.0.113.9", "203.0.113.10")
	if len(seen) != 1 || seen[key("203.0.113.9")] == nil {
		t.Errorf("seen %v", seen)
	}
}

func TestDamagedSegmentsAreSetAsideAndNamed(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	must(t, h.Line(now, now, "auth", []observable.Key{key("203.0.113.9")}))
	flush(t, h)
	must(t, h.Roll(now.Add(3*time.Hour)))
	must(t, h.Roll(now.Add(4*time.Hour)))
	h.Close()
	list, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	good, err := os.ReadFile(list[0])
	must(t, err)
	for i := 0; i < len(good); i += 1 + i/200 {
		b := slices.Clone(good)
		b[i] ^= 0x41
		must(t, os.WriteFile(list[0], b, 0o600))
		h := open(t, dir, nil)
		_, _, _ = h.Look([]observable.Key{key("203.0.113.9")}, now)
		must(t, h.Check())
		named := h.Health().Damaged
		h.Close()
		if len(named) != 1 {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
		must(t, os.Remove(list[0]+".damaged"))
	}
}

func TestCheckingMayRunBesideEverythingElse(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	fill(t, h, 2000)
	must(t, h.Roll(now.Add(time.Hour)))
	must(t, h.Roll(now.Add(2*time.Hour)))
	list, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	f, err := os.OpenFile(list[0], os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte{0xff, 0xff, 0xff}, segHead+3)
	must(t, err)
	must(t, f.Close())
	var all sync.WaitGroup
	for _, do := range []func() error{
		h.Check, h.Check,
		func() error { return h.Tidy(now.Add(time.Hour)) },
		func() error { return h.Line(now, now, "auth", []observable.Key{7}) },
		func() error { _, err := h.Flush(); return err },
		func() error { h.Health(); _, _, _ = h.Look([]observable.Key{7}, now); return nil }, // may meet the damage
	} {
		all.Go(func() {
			for range 5 {
				if err := do(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if x := h.Health(); len(x.Damaged) != 1 || x.Damaged[0] != filepath.Base(list[0]) {
		t.Errorf("damaged %v", x.Damaged)
	}
	if _, _, err := h.Look([]observable.Key{7}, now); err != nil {
		t.Errorf("after the check: %v", err)
	}
}

func TestASegmentCutShortUnderneathIsAnErrorAndNoCrash(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	for i := range 20_000 {
		must(t, h.Line(now, now, "auth", []observable.Key{observable.Key(uint64(i+1) * 0x9E3779B97F4A7C15)}))
	}
	flush(t, h)
	must(t, h.Roll(now.Add(3*time.Hour)))
	must(t, h.Roll(now.Add(4*time.Hour)))
	list, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	must(t, os.Truncate(list[0], 4096))
	if _, _, err := h.Look([]observable.Key{key("203.0.113.9"), 0xffffffffffffffff, 0x7fffffffffffffff}, now); err == nil {
		t.Error("nobody noticed")
	}
	must(t, h.Check())
	if x := h.Health(); len(x.Damaged) != 1 {
		t.Errorf("health %+v", x)
	}
}

func TestRetentionDeletesWholeSegmentsByAgeAndByRoom(t *testing.T) {
	dir := t.TempDir()
	h, err := Open(dir, seed, Options{Keep: 10 * 24 * time.Hour, Budget: 1}, nil)
	must(t, err)
	defer h.Close()
	k := []observable.Key{key("203.0.113.9")}
	must(t, h.Line(now, now.Add(-11*24*time.Hour), "auth", k)) // too old when it comes
	must(t, h.Line(now, now.Add(-9*24*time.Hour), "auth", k))
	flush(t, h)
	if x := h.Health(); x.TooOld != 1 {
		t.Errorf("health %+v", x)
	}
	must(t, h.Roll(now))
	must(t, h.Roll(now.Add(time.Hour)))
	must(t, h.Tidy(now.Add(time.Hour)))
	if x := h.Health(); x.Segments != 0 || x.Evicted != 1 {
		t.Errorf("one byte of room: %+v", x)
	}
	h.opt.Budget = 0
	must(t, h.Line(now, now.Add(-9*24*time.Hour), "auth", k))
	flush(t, h)
	must(t, h.Roll(now))
	must(t, h.Roll(now.Add(time.Hour)))
	must(t, h.Tidy(now.Add(3*24*time.Hour)))
	if x := h.Health(); x.Segments != 0 || x.Evicted != 1 {
		t.Errorf("after ten days: %+v", x)
	}
}

func TestTheLookBackOfTheFirstVersionIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	x := map[string]any{"entries": []map[string]any{{"k": "ipv4-addr", "v": "203.0.113.9", "l": "auth", "n": 4, "f": now, "t": now.Add(time.Minute)}}, "lines": map[string]int{"auth": 9}}
	b, err := json.Marshal(x)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, now.Format(oldLayout)), fmt.Appendf(nil, "%08x\n%s", crc32.ChecksumIEEE(b), b), 0o600))
	for range 2 {
		h := open(t, dir, nil)
		seen, cover := look(t, h, now, "203.0.113.9")
		if s := seen[key("203.0.113.9")]; s == nil || s.Count != 4 || !s.Last.Equal(now.Add(time.Minute)) || cover.Lines != 9 {
			t.Fatalf("seen %+v, coverage %+v", s, cover)
		}
		h.Close()
	}
}

func TestAnOldHourWhoseConversionWasKilledIsNotCountedTwice(t *testing.T) {
	dir := t.TempDir()
	b := []byte(`{"entries":[{"k":"ipv4-addr","v":"203.0.113.9","l":"auth","n":4,"f":"2026-11-24T09:30:00Z","t":"2026-11-24T09:31:00Z"}],"lines":{"auth":9}}`)
	path := filepath.Join(dir, now.Format(oldLayout))
	for range 2 { // the second time as if the kill came before the old file was deleted
		must(t, os.WriteFile(path, fmt.Appendf(nil, "%08x\n%s", crc32.ChecksumIEEE(b), b), 0o600))
		h := open(t, dir, nil)
		if seen, cover := look(t, h, now, "203.0.113.9"); seen[key("203.0.113.9")].Count != 4 || cover.Lines != 9 {
			t.Errorf("seen %+v, coverage %+v", seen[key("203.0.113.9")], cover)
		}
		h.Close()
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the old file is still there")
	}
}

func TestWhatACrashLeftHalfWrittenIsDeleted(t *testing.T) {
	dir := t.TempDir()
	for _, part := range []string{".fps.new", ".posts.new", ".seg.new"} {
		must(t, os.WriteFile(filepath.Join(dir, "d2026112400-000009"+part), []byte("x"), 0o600))
	}
	open(t, dir, nil)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestMoreThanAJournalTakesAtOnceIsFlushedAndReadBack(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, nil)
	var keys []observable.Key
	for i := range 600_000 { // more than one frame of entries
		keys = append(keys, observable.Key(uint64(i+1)*0x9E3779B97F4A7C15))
	}
	for i := range 66 { // and more than the journal takes of names
		must(t, h.Line(now, now, fmt.Sprint(i, strings.Repeat("x", 1<<20)), keys[:1]))
	}
	must(t, h.Line(now, now, "auth", keys))
	mark := flush(t, h)
	for stem, t0 := range h.tables {
		n := 0
		must(t, spool.ReadJournal(t0.path, func(b []byte) bool {
			n++
			if len(b) > frame+2<<20 {
				t.Errorf("%s: a frame of %d bytes", stem, len(b))
			}
			return true
		}))
		if n < 3 {
			t.Errorf("%s: %d frames", stem, n)
		}
	}
	want := h.Health().Entries
	h.Close()
	h = open(t, dir, mark)
	if got := h.Health(); got.Entries != want || len(got.Damaged) > 0 {
		t.Errorf("%d entries of %d are read back, damaged %v", got.Entries, want, got.Damaged)
	}
	seen, cover, err := h.Look([]observable.Key{keys[0], keys[len(keys)-1]}, now)
	must(t, err)
	if seen[keys[0]].Count != 67 || seen[keys[len(keys)-1]].Count != 1 || cover.Lines != 67 {
		t.Errorf("seen %d and %d times in %d lines", seen[keys[0]].Count, seen[keys[len(keys)-1]].Count, cover.Lines)
	}
}

func TestManyDistinctValuesKeepTheMemoryBounded(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	n := 0
	for range 60 {
		keys := make([]observable.Key, 20_000)
		for i := range keys {
			n++
			keys[i] = observable.Key(uint64(n) * 0x9E3779B97F4A7C15)
		}
		must(t, h.Line(now, now, "flood", keys))
		flush(t, h)
		if h.Full() {
			must(t, h.Roll(now))
		}
		if x := h.Health(); x.Entries > maxEntries {
			t.Fatalf("%d entries in memory", x.Entries)
		}
	}
	first := observable.Key(uint64(0x9E3779B97F4A7C15))
	if seen, _, err := h.Look([]observable.Key{first}, now); err != nil || len(seen) != 1 {
		t.Errorf("the first of %d values is forgotten (%v)", n, err)
	}
}

func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	h, err := Open(dir, seed, Options{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 300 {
		_ = h.Line(now, now, "auth", []observable.Key{observable.Key(i * 7919)})
	}
	_, _ = h.Flush()
	_ = h.Roll(now.Add(3 * time.Hour))
	_ = h.Roll(now.Add(4 * time.Hour))
	h.Close()
	list, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	b, err := os.ReadFile(list[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[segHead:])
	name := filepath.Base(list[0])
	f.Fuzz(func(t *testing.T, body []byte) {
		// The head is right, what follows it is anything: as a broken disk gives it.
		x := append(slices.Clone(b[:segHead]), body...)
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, x, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openSegment(path)
		if err != nil {
			return
		}
		defer s.close()
		_ = s.check()
		c := &cursor{seg: s, bucket: -1, rest: s.postings, logs: make([]int, len(s.meta.Logs))}
		for more, err := c.next(); more && err == nil; more, err = c.next() {
		}
		func() (err error) {
			defer guard(&err)
			for i := range 400 {
				_ = s.find(prefix(observable.Key(i*7919)), func(posting) {})
			}
			return nil
		}()
	})
}

func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	h, err := Open(dir, seed, Options{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	_ = h.Line(now, now, "auth", []observable.Key{1, 2, 3})
	_, _ = h.Flush()
	h.Close()
	list, _ := filepath.Glob(filepath.Join(dir, "*.journal"))
	b, _ := os.ReadFile(list[0])
	f.Add(b[8:])
	name := filepath.Base(list[0])
	f.Fuzz(func(t *testing.T, body []byte) {
		dir := t.TempDir()
		head := make([]byte, 8)
		head[0], head[1], head[2] = byte(len(body)), byte(len(body)>>8), byte(len(body)>>16)
		sum := crc32.Checksum(body, castagnoli)
		head[4], head[5], head[6], head[7] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		if err := os.WriteFile(filepath.Join(dir, name), append(head, body...), 0o600); err != nil {
			t.Fatal(err)
		}
		tb, err := openTable(dir, strings.TrimSuffix(name, ".journal"), nil)
		if err == nil && tb != nil {
			_, err := (&History{dir: dir}).roll(tb)
			if err != nil {
				t.Fatalf("a journal that was taken cannot become a segment: %v", err)
			}
			tb.journal.Close()
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	h, err := Open(b.TempDir(), seed, Options{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	keys := make([]observable.Key, 4)
	r := rand.New(rand.NewPCG(1, 2))
	n := 0
	for b.Loop() {
		for i := range keys {
			keys[i] = observable.Key(uint64(r.IntN(20000)) * 0x9E3779B97F4A7C15)
		}
		if err := h.Line(now, now, "auth", keys); err != nil {
			b.Fatal(err)
		}
		if n++; n%20000 == 0 {
			if _, err := h.Flush(); err != nil {
				b.Fatal(err)
			}
			_ = h.Roll(now)
		}
	}
	b.ReportMetric(float64(b.N*4)/b.Elapsed().Seconds(), "keys/s")
}

package keep

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string, budget int64) *Keeper {
	t.Helper()
	k, err := Open(dir, budget)
	must(t, err)
	t.Cleanup(k.Close)
	return k
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheLinesAroundAFindingAreKeptAndNoOthers(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<20)
	for i := range 100 {
		k.Line("auth", now.Add(time.Duration(i)*time.Second), fmt.Appendf(nil, "riga %d", i))
		if i == 50 {
			k.Mark("auth", "f1", now)
		}
	}
	k.Line("web", now, []byte("altra"))
	must(t, k.Flush())
	for round := range 2 {
		got, err := k.Find("f1", 1000)
		must(t, err)
		if len(got.Lines) != before+after || got.Lines[0] != "riga 31" || got.Lines[len(got.Lines)-1] != "riga 70" || len(got.Hashes) != 1 {
			t.Fatalf("round %d: %d lines, %q", round, len(got.Lines), got.Lines)
		}
		k = open(t, dir, 1<<20) // as after a restart
	}
	if none, err := k.Find("f2", 10); err != nil || len(none.Lines) > 0 {
		t.Errorf("%v %v", none, err)
	}
}

func TestMoreThanAFrameAtOnceIsKeptWhole(t *testing.T) {
	for _, size := range []int{100, 3000, maxLine, maxLine + 500} {
		k := open(t, t.TempDir(), 1<<30)
		n := 0
		for i := range 40 {
			for j := range 15 {
				k.Line("auth", now, fmt.Appendf(nil, "%06d %s", n, strings.Repeat("x", size)))
				n++
				if j == 14 {
					k.Mark("auth", fmt.Sprint("f", i), now)
				}
			}
		}
		must(t, k.Flush())
		seen := 0
		for _, p := range k.frames {
			plain, err := k.plain(p)
			must(t, err)
			seen += strings.Count(string(plain), "\n")
		}
		if _, err := k.Verify(); err != nil || seen != n {
			t.Errorf("lines of %d bytes: %d of %d kept, %v", size, seen, n, err)
		}
	}
}

func TestALittleMoreThanAFrameIsKeptToo(t *testing.T) {
	k := open(t, t.TempDir(), 1<<30)
	line := []byte(strings.Repeat("x", 999))
	for i := range frameSize/1000 + 3 {
		k.Line("auth", now, line)
		k.Mark("auth", fmt.Sprint("f", i%50), now)
	}
	must(t, k.Flush())
	if n, err := k.Verify(); n != 1 && n != 2 || err != nil {
		t.Errorf("%d frames, %v", n, err)
	}
}

func TestNothingCanBeTakenOutOrChangedUnseen(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<20)
	for i := range 5 {
		k.Line("auth", now, fmt.Appendf(nil, "riga %d", i))
		k.Mark("auth", fmt.Sprint("f", i), now)
		must(t, k.Flush())
	}
	if n, err := k.Verify(); n != 5 || err != nil {
		t.Fatalf("%d frames, %v", n, err)
	}
	path := filepath.Join(dir, segmentName(1))
	good, err := os.ReadFile(path)
	must(t, err)
	for i := 0; i < len(good); i += 7 {
		b := slices.Clone(good)
		b[i] ^= 1
		must(t, os.WriteFile(path, b, 0o600))
		if _, err := k.Verify(); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
	}
	// A whole frame taken out of the middle.
	second, third := k.frames[1].at, k.frames[2].at
	must(t, os.WriteFile(path, slices.Concat(good[:second], good[third:]), 0o600))
	if _, err := k.Verify(); err == nil || !strings.Contains(err.Error(), "frame 2") {
		t.Errorf("a frame taken out gives %v", err)
	}
}

func TestAHalfWrittenFrameIsCutOffAndTheChainGoesOn(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<20)
	for i := range 2 {
		k.Line("auth", now, fmt.Appendf(nil, "riga %d", i))
		k.Mark("auth", fmt.Sprint("f", i), now)
		must(t, k.Flush())
	}
	path := filepath.Join(dir, segmentName(1))
	st, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, st.Size()-10))
	k = open(t, dir, 1<<20)
	k.Line("auth", now, []byte("riga 3"))
	k.Mark("auth", "f3", now)
	must(t, k.Flush())
	if n, err := k.Verify(); n != 2 || err != nil {
		t.Errorf("%d frames, %v", n, err)
	}
	if got, err := k.Find("f0", 10); err != nil || len(got.Lines) != 1 {
		t.Errorf("%v %v", got, err)
	}
}

func TestTheBudgetIsKeptAndAFloodDoesNotFillIt(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 12<<20)
	seed := uint64(1)
	for i := range 60_000 {
		seed = seed*6364136223846793005 + 1442695040888963407
		k.Line("auth", now, fmt.Appendf(nil, "%d %x%x%x%x%x%x%x%x", i, seed, seed*3, seed*5, seed*7, seed*11, seed*13, seed*17, seed*19))
		k.Mark("auth", fmt.Sprint("f", i/500), now)
		if i%5000 == 0 {
			must(t, k.Flush())
		}
	}
	must(t, k.Flush())
	var size int64
	list, _ := filepath.Glob(filepath.Join(dir, "*.keep"))
	for _, p := range list {
		st, err := os.Stat(p)
		must(t, err)
		size += st.Size()
	}
	if size > 12<<20+segSize {
		t.Errorf("%d MB on disk", size>>20)
	}
	if _, err := k.Verify(); err != nil {
		t.Errorf("after pruning: %v", err)
	}
	flood := open(t, t.TempDir(), 1<<30)
	for i := range 50_000 {
		flood.Line("auth", now, fmt.Appendf(nil, "riga %d", i))
		flood.Mark("auth", "one", now)
	}
	must(t, flood.Flush())
	if got, err := flood.Find("one", 1_000_000); err != nil || len(got.Lines) > maxPerMark+before+after {
		t.Errorf("a flood keeps %d lines, %v", len(got.Lines), err)
	}
}

func FuzzSegment(f *testing.F) {
	k, err := Open(f.TempDir(), 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	k.Line("auth", now, []byte("riga"))
	k.Mark("auth", "f", now)
	if err := k.Flush(); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(k.dir, segmentName(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, segmentName(1)), b, 0o600))
		k, err := Open(dir, 1<<20)
		if err != nil {
			return
		}
		defer k.Close()
		_, _ = k.Find("f", 10)
		if _, err := k.Verify(); err != nil {
			t.Fatalf("what was opened does not verify: %v", err)
		}
	})
}

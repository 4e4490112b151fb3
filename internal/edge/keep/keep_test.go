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

// note keeps one line for one finding, in a frame of its own.
func note(t *testing.T, k *Keeper, finding string) {
	t.Helper()
	k.Line("auth", now, []byte("riga di "+finding))
	k.Mark("auth", finding, now)
	must(t, k.Flush())
}

// flip changes one bit of a segment, in the middle of a frame.
func flip(t *testing.T, k *Keeper, frame int) (path string, was []byte) {
	t.Helper()
	p := k.frames[frame]
	path = filepath.Join(k.dir, segmentName(p.segment))
	was, err := os.ReadFile(path)
	must(t, err)
	b := slices.Clone(was)
	b[p.at+40] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
	return path, was
}

func found(t *testing.T, k *Keeper, finding string) bool {
	t.Helper()
	got, err := k.Find(finding, 100)
	must(t, err)
	return slices.Contains(got.Lines, "riga di "+finding)
}

func TestAFlippedBitCostsNoOtherSegmentAndIsReported(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<30)
	for i := range 12 {
		if i > 0 && i%4 == 0 {
			k.outLen = segSize // as if it were full
		}
		note(t, k, fmt.Sprint("f", i))
	}
	flip(t, k, 2)
	if n, err := k.Verify(); n != 10 || err == nil {
		t.Errorf("before anybody opens it %d frames hold, %v", n, err)
	}
	for round := range 3 {
		k = open(t, dir, 1<<30)
		if named := slices.Equal(k.Damaged, []string{segmentName(1)}); named != (round == 0) || round > 0 && len(k.Damaged) > 0 {
			t.Errorf("round %d: damaged %v", round, k.Damaged)
		}
		for i := range 12 + round {
			if f := fmt.Sprint("f", i); found(t, k, f) != (i < 2 || i >= 4) {
				t.Errorf("round %d: lines of %s: %v", round, f, i == 2 || i == 3)
			}
		}
		note(t, k, fmt.Sprint("f", 12+round))
		if n, err := k.Verify(); n != 11+round || err == nil || !strings.Contains(err.Error(), segmentName(2)+", frame 1") || !strings.Contains(err.Error(), segmentName(1)+".damaged") {
			t.Errorf("round %d: %d frames hold, %v", round, n, err)
		}
	}
}

func TestASegmentTakenOutIsReported(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<30)
	for i := range 3 {
		note(t, k, fmt.Sprint("f", i))
		k.outLen = segSize
	}
	must(t, os.Remove(filepath.Join(dir, segmentName(2))))
	if n, err := k.Verify(); n != 2 || err == nil {
		t.Errorf("%d frames hold, %v", n, err)
	}
	if k = open(t, dir, 1<<30); !slices.Equal(k.Damaged, []string{segmentName(3)}) || !found(t, k, "f2") {
		t.Errorf("damaged %v, lines of f2: %v", k.Damaged, found(t, k, "f2"))
	}
}

func TestOfASegmentInUseThatIsDamagedNothingIsThrownAway(t *testing.T) {
	for frame := range 9 {
		for _, length := range []bool{false, true} {
			dir := t.TempDir()
			k := open(t, dir, 1<<30)
			for i := range 10 {
				note(t, k, fmt.Sprint("f", i))
			}
			path, _ := flip(t, k, frame)
			b, err := os.ReadFile(path)
			must(t, err)
			if length { // of the head: it now points behind the end
				b[k.frames[frame].at+1] ^= 0x08
				must(t, os.WriteFile(path, b, 0o600))
			}
			k = open(t, dir, 1<<30)
			kept, err := os.ReadFile(path + ".damaged")
			must(t, err)
			if !slices.Equal(k.Damaged, []string{segmentName(1)}) || !slices.Equal(kept, b) || len(k.frames) != frame {
				t.Fatalf("frame %d: damaged %v, %d bytes of %d are set aside, %d frames are left", frame, k.Damaged, len(kept), len(b), len(k.frames))
			}
			note(t, k, "new")
			k = open(t, dir, 1<<30)
			if len(k.Damaged) > 0 || len(k.frames) != frame+1 || !found(t, k, "new") {
				t.Errorf("frame %d: opened again damaged %v, %d frames", frame, k.Damaged, len(k.frames))
			}
		}
	}
}

func TestAFloodOfFindingsStaysSmallAndReadable(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<30)
	name := func(i int) string {
		return fmt.Sprintf("web-injection|/var/log/nginx/access.log|2001:db8:%x::1|1764100000", i)
	}
	const n = 20_000
	for i := range n {
		k.Line("web", now, fmt.Appendf(nil, "riga %d", i))
		k.Mark("web", name(i), now)
		if marks := len(k.logs["web"].marks); marks > maxMarks {
			t.Fatalf("%d findings wait", marks)
		}
	}
	must(t, k.Flush())
	if tail := k.logs["web"]; len(tail.marks) > maxLive || len(tail.count)+len(tail.before) > 2*maxCounts {
		t.Errorf("%d findings go on, %d are counted", len(tail.marks), len(tail.count)+len(tail.before))
	}
	k = open(t, dir, 1<<30)
	if len(k.Damaged) > 0 {
		t.Errorf("damaged %v", k.Damaged)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		if got, err := k.Find(name(i), 10_000); err != nil || !slices.Contains(got.Lines, fmt.Sprint("riga ", i)) {
			t.Errorf("finding %d: %d lines, %v", i, len(got.Lines), err)
		}
	}
}

func TestWhatCouldNotBeReadAgainIsNotWritten(t *testing.T) {
	k := open(t, t.TempDir(), 1<<30)
	if err := k.append(Frame{Log: "web", Findings: []string{strings.Repeat("x", maxHead)}}, nil); err == nil {
		t.Error("a head that is too long is written")
	}
	note(t, k, "f")
	if n, err := k.Verify(); n != 1 || err != nil {
		t.Errorf("%d frames hold, %v", n, err)
	}
}

func TestAFloodOfOneFindingStaysBoundedAmongManyOthers(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir, 1<<30)
	for i := range 3*maxCounts + 100 {
		k.Line("web", now, []byte("riga"))
		k.Mark("web", "one", now)
		k.Mark("web", fmt.Sprint("other", i), now)
		if i%1000 == 0 {
			must(t, k.Flush())
		}
	}
	must(t, k.Flush())
	lines := 0
	for _, p := range k.frames {
		if slices.Contains(p.Findings, "one") {
			lines += p.Lines
		}
	}
	if lines > maxPerMark+2*maxMarks {
		t.Errorf("%d lines are kept for one finding", lines)
	}
}

func TestFindingsOfOneLineAllGetTheLinesAfterIt(t *testing.T) {
	k := open(t, t.TempDir(), 1<<30)
	k.Line("auth", now, []byte("riga"))
	k.Mark("auth", "a", now)
	k.Mark("auth", "b", now)
	must(t, k.Flush())
	for range 50 {
		k.Line("auth", now, []byte("dopo"))
	}
	must(t, k.Flush())
	for _, f := range []string{"a", "b"} {
		if got, err := k.Find(f, 100); err != nil || len(got.Lines) != 1+after {
			t.Errorf("%s: %d lines, %v", f, len(got.Lines), err)
		}
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
		if _, err := k.Verify(); (err != nil) != (len(k.Damaged) > 0) {
			t.Fatalf("what was opened with damage %v verifies with: %v", k.Damaged, err)
		}
		again, err := Open(dir, 1<<20)
		must(t, err)
		defer again.Close()
		if len(again.Damaged) > 0 || len(again.frames) != len(k.frames) {
			t.Fatalf("opened again: damage %v, %d frames of %d", again.Damaged, len(again.frames), len(k.frames))
		}
	})
}

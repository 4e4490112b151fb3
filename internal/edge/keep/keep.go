// Package keep holds the raw lines around findings at the Comune, so that they
// are still there when somebody must prove what happened. Lines lie in compressed
// frames; each frame's hash covers the one before, so that nothing can be taken
// out or changed unseen. They leave the machine only when a person releases them.
package keep

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"filo/internal/spool"
)

// What is kept around the line of a finding.
const (
	before     = 20
	after      = 20
	maxPerMark = 2000      // lines kept for one finding: a flood needs no more
	frameSize  = 256 << 10 // plain bytes of a frame
	segSize    = 8 << 20
	maxLine    = 8 << 10
	maxHead    = 1 << 20
	maxMarks   = 256      // findings of one frame
	maxNames   = 64 << 10 // bytes of their names
	maxLive    = 32       // of them, those whose lines after are still to come
	maxCounts  = 10_000
)

// Frame is what is known of one frame: the lines of one log for some findings,
// one after the other.
type Frame struct {
	Prev     string    `json:"prev"` // SHA-256 of the frame before; empty for the first ever
	Log      string    `json:"log"`
	From     time.Time `json:"from"` // when the lines were read
	Until    time.Time `json:"until"`
	Findings []string  `json:"findings"`
	Lines    int       `json:"lines"`
	Size     int       `json:"size"` // compressed bytes that follow
}

// A frame on disk: length of its head, 4 bytes; the head as JSON; the lines,
// compressed; the SHA-256 of all that, 32 bytes.
type place struct {
	Frame
	segment int
	at      int64
	hash    string
}

// Keeper keeps lines. It is not safe for several goroutines.
type Keeper struct {
	dir    string
	budget int64
	logs   map[string]*tail
	frames []place
	last   string // hash of the last frame
	out    *os.File
	outNo  int
	outLen int64
	enc    *zstd.Encoder
	dec    *zstd.Decoder

	Pruned  int      // segments deleted for lack of room
	Damaged []string // segments that do not hold, of which a copy is set aside, or that do not follow the one before
}

// tail is the end of one log: the last lines read, and those that will be kept.
type tail struct {
	ring    [before][]byte
	next    int
	n       int
	wanted  int // lines still to keep after the last mark
	pending bytes.Buffer
	lines   int
	marks   []mark
	names   int            // bytes in the names of marks
	count   map[string]int // lines kept for a finding
	before  map[string]int // those of findings that were not marked for long
	from    time.Time
	until   time.Time
	sealed  []part
}

// mark is a finding and how many of the lines after it are still to come.
type mark struct {
	finding string
	left    int
}

// part is what will be a frame, or several of the same findings.
type part struct {
	plain       []byte
	findings    []string
	from, until time.Time
}

// Open opens the folder of kept lines, which may take up to budget bytes.
func Open(dir string, budget int64) (*Keeper, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("kept lines: %w", err)
	}
	k := &Keeper{dir: dir, budget: budget, logs: map[string]*tail{}}
	var err error
	if k.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(frameSize)); err != nil {
		return nil, err
	}
	if k.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(4*frameSize+maxLine)); err != nil {
		return nil, err
	}
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("kept lines: %w", err)
	}
	return k, nil
}

func segmentName(n int) string { return fmt.Sprintf("%08d.keep", n) }

func (k *Keeper) segments() ([]int, error) {
	list, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, f := range list {
		var n int
		if _, err := fmt.Sscanf(f.Name(), "%08d.keep", &n); err == nil && f.Name() == segmentName(n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (k *Keeper) load() error {
	list, err := k.segments()
	if err != nil {
		return err
	}
	broken := true // the first may go on from frames that were pruned
	for i, n := range list {
		good, frames, follows, err := k.read(n)
		if err != nil && !errors.Is(err, spool.ErrDamaged) {
			return err
		}
		if err != nil || !follows && !broken && !k.aside(list[i-1], n) {
			k.Damaged = append(k.Damaged, segmentName(n))
		}
		k.outNo, k.outLen = n, good
		k.frames = append(k.frames, frames...)
		if broken = err != nil; !broken {
			continue
		}
		torn := false
		if i == len(list)-1 {
			if torn, err = k.torn(n, good); err != nil {
				return err
			}
		}
		if torn {
			k.Damaged = k.Damaged[:len(k.Damaged)-1]
		} else {
			k.outLen = segSize // nothing is added to it
		}
		if err := k.cut(n, good, torn); err != nil {
			return err
		}
	}
	return nil
}

// aside reports whether a segment from one number to before another was set aside
// earlier: that the next follows none is no news.
func (k *Keeper) aside(from, to int) bool {
	for n := from; n < to; n++ {
		if _, err := os.Stat(filepath.Join(k.dir, segmentName(n)+".damaged")); err == nil {
			return true
		}
	}
	return false
}

// torn reports whether what follows the good frames of a segment is one that a
// crash left half written: it reaches the end, and no other comes after it.
func (k *Keeper) torn(n int, good int64) (bool, error) {
	f, err := os.Open(filepath.Join(k.dir, segmentName(n)))
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, err := f.Seek(good, io.SeekStart); err != nil {
		return false, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, 2*segSize))
	if err != nil {
		return false, err
	}
	_, _, _, bad := readFrame(bytes.NewReader(rest))
	// A length that was changed may point behind the end, too.
	return errors.Is(bad, io.ErrUnexpectedEOF) && bytes.Count(rest, []byte(`{"prev":"`)) <= 1, nil
}

// cut takes off what does not hold of a segment; a copy of the whole is set aside
// unless a crash alone explains it.
func (k *Keeper) cut(n int, good int64, torn bool) error {
	path := filepath.Join(k.dir, segmentName(n))
	if !torn {
		if err := setAside(path); err != nil {
			return err
		}
	}
	if good == 0 && !torn {
		return os.Remove(path)
	}
	return os.Truncate(path, good)
}

// setAside copies a file beside itself, over none that was set aside before.
func setAside(path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	name := path + ".damaged"
	to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	for i := 2; errors.Is(err, os.ErrExist); i++ {
		to, err = os.OpenFile(fmt.Sprint(name, i), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	if err := errors.Join(to.Sync(), to.Close()); err != nil {
		return err
	}
	return spool.SyncDir(filepath.Dir(path))
}

// read walks a segment and checks its chain; good is how far it holds. A segment
// that does not follow the one before begins a chain of its own: what is lost in
// one costs no other.
func (k *Keeper) read(n int) (good int64, frames []place, follows bool, err error) {
	follows = true
	f, err := os.Open(filepath.Join(k.dir, segmentName(n)))
	if err != nil {
		return 0, nil, follows, err
	}
	defer f.Close()
	last := k.last
	defer func() { k.last = last }()
	for {
		p, body, sum, err := readFrame(f)
		if errors.Is(err, io.EOF) {
			return good, frames, follows, nil
		}
		if err != nil {
			return good, frames, follows, spool.ErrDamaged
		}
		if p.Prev != last && len(frames) > 0 {
			return good, frames, follows, spool.ErrDamaged
		}
		follows = follows && p.Prev == last
		p.segment, p.at, p.hash = n, good, sum
		good += int64(body)
		last = sum
		frames = append(frames, p)
	}
}

// readFrame fails with io.EOF at the end and io.ErrUnexpectedEOF where the end
// comes inside a frame.
func readFrame(r io.Reader) (p place, size int, sum string, err error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return p, 0, "", err
	}
	length := binary.BigEndian.Uint32(n[:])
	if length > maxHead {
		return p, 0, "", spool.ErrDamaged
	}
	head := make([]byte, length)
	if _, err := io.ReadFull(r, head); err != nil {
		return p, 0, "", io.ErrUnexpectedEOF
	}
	if json.Unmarshal(head, &p.Frame) != nil || p.Size < 0 || p.Size > 2*frameSize+maxLine {
		return p, 0, "", spool.ErrDamaged
	}
	body := make([]byte, p.Size+sha256.Size)
	if _, err := io.ReadFull(r, body); err != nil {
		return p, 0, "", io.ErrUnexpectedEOF
	}
	h := sha256.New()
	h.Write(n[:])
	h.Write(head)
	h.Write(body[:p.Size])
	if got := h.Sum(nil); !bytes.Equal(got, body[p.Size:]) {
		return p, 0, "", spool.ErrDamaged
	} else {
		sum = hex.EncodeToString(got)
	}
	return p, 4 + len(head) + len(body), sum, nil
}

func (k *Keeper) tail(log string) *tail {
	t := k.logs[log]
	if t == nil {
		t = &tail{count: map[string]int{}}
		k.logs[log] = t
	}
	return t
}

// Line notes a line that was read. It is remembered until others took its place,
// and kept when a finding was marked shortly before.
func (k *Keeper) Line(log string, now time.Time, line []byte) {
	t := k.tail(log)
	line = line[:min(len(line), maxLine)]
	if t.wanted > 0 {
		t.wanted--
		t.put(now, line)
		return
	}
	t.ring[t.next] = append(t.ring[t.next][:0], line...)
	t.next = (t.next + 1) % before
	t.n = min(t.n+1, before)
}

func (t *tail) put(now time.Time, line []byte) {
	if t.lines == 0 {
		t.from = now
	}
	t.until = now
	t.pending.Write(line)
	t.pending.WriteByte('\n')
	t.lines++
	for i := range t.marks {
		m := &t.marks[i]
		t.count[m.finding]++
		m.left--
	}
}

// kept gives how many lines were kept for a finding. Those that were not marked
// for the longest time are forgotten, so that a flood of findings stays small.
func (t *tail) kept(finding string) int {
	n, ok := t.count[finding]
	if ok {
		return n
	}
	if len(t.count) >= maxCounts {
		t.before, t.count = t.count, make(map[string]int)
		for _, m := range t.marks {
			t.count[m.finding] = t.before[m.finding]
		}
	}
	n = t.before[finding]
	t.count[finding] = n
	return n
}

// seal ends a frame. Of its findings those go on whose lines after are still to
// come.
func (t *tail) seal() {
	if t.lines > 0 {
		p := part{plain: bytes.Clone(t.pending.Bytes()), from: t.from, until: t.until}
		for _, m := range t.marks {
			p.findings = append(p.findings, m.finding)
		}
		t.sealed = append(t.sealed, p)
		t.pending.Reset()
		t.lines = 0
	}
	live := slices.DeleteFunc(t.marks, func(m mark) bool { return m.left <= 0 })
	t.marks = slices.Clone(live[max(0, len(live)-maxLive):])
	t.names = 0
	for _, m := range t.marks {
		t.names += len(m.finding)
	}
}

// Mark keeps the lines around the one that was noted last, for a finding.
func (k *Keeper) Mark(log, finding string, now time.Time) {
	t := k.tail(log)
	if t.kept(finding) >= maxPerMark {
		return
	}
	if len(t.marks) >= maxMarks || t.names > maxNames {
		t.seal()
	}
	at := slices.IndexFunc(t.marks, func(m mark) bool { return m.finding == finding })
	if at < 0 {
		at = len(t.marks)
		t.marks = append(t.marks, mark{finding: finding})
		t.names += len(finding)
	}
	for i := range t.n {
		t.put(now, t.ring[(t.next-t.n+i+before)%before])
	}
	t.n = 0
	t.wanted, t.marks[at].left = after, after
}

// Flush brings what is to be kept to disk. The caller runs it before it keeps
// the positions of its logs.
func (k *Keeper) Flush() error {
	for log, t := range k.logs {
		t.seal()
		if len(t.sealed) == 0 {
			continue
		}
		for len(t.sealed) > 0 {
			if err := k.write(log, &t.sealed[0]); err != nil {
				return fmt.Errorf("kept lines: %w", err)
			}
			t.sealed = t.sealed[1:]
		}
		t.sealed = nil
		if err := k.prune(); err != nil {
			return fmt.Errorf("kept lines: %w", err)
		}
	}
	return nil
}

// write writes a part; what is on disk of it is not written again after an error.
func (k *Keeper) write(log string, p *part) error {
	// A frame ends with a line.
	for len(p.plain) > 0 {
		lines := p.plain
		if len(lines) > frameSize {
			lines = lines[:bytes.LastIndexByte(lines[:min(len(lines), frameSize+maxLine)], '\n')+1]
		}
		body := k.enc.EncodeAll(lines, nil)
		f := Frame{Prev: k.last, Log: log, From: p.from, Until: p.until, Findings: p.findings, Lines: bytes.Count(lines, []byte("\n")), Size: len(body)}
		if err := k.append(f, body); err != nil {
			return err
		}
		p.plain = p.plain[len(lines):]
	}
	return nil
}

func (k *Keeper) append(f Frame, body []byte) error {
	if k.out == nil || k.outLen >= segSize {
		if err := k.open(); err != nil {
			return err
		}
	}
	head, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if len(head) > maxHead {
		return fmt.Errorf("a frame of %d findings has a head of %d bytes", len(f.Findings), len(head))
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(head)))
	b = append(append(b, head...), body...)
	sum := sha256.Sum256(b)
	b = append(b, sum[:]...)
	if _, err := k.out.WriteAt(b, k.outLen); err != nil {
		// What was written of it must not stick out behind a shorter one.
		return errors.Join(err, k.out.Truncate(k.outLen))
	}
	if err := k.out.Sync(); err != nil {
		return err
	}
	k.last = hex.EncodeToString(sum[:])
	k.frames = append(k.frames, place{Frame: f, segment: k.outNo, at: k.outLen, hash: k.last})
	k.outLen += int64(len(b))
	return nil
}

func (k *Keeper) open() error {
	if k.out != nil {
		k.out.Close()
	}
	if k.out != nil || k.outNo == 0 || k.outLen >= segSize {
		k.outNo++
		k.outLen = 0
	}
	f, err := os.OpenFile(filepath.Join(k.dir, segmentName(k.outNo)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	k.out = f
	return nil
}

// prune deletes the oldest segments beyond the budget, never the one in use.
func (k *Keeper) prune() error {
	list, err := k.segments()
	if err != nil {
		return err
	}
	var room int64
	sizes := map[int]int64{}
	for _, n := range list {
		st, err := os.Stat(filepath.Join(k.dir, segmentName(n)))
		if err != nil {
			return err
		}
		sizes[n] = st.Size()
		room += st.Size()
	}
	for _, n := range list {
		if room <= k.budget || n == k.outNo {
			return nil
		}
		if err := os.Remove(filepath.Join(k.dir, segmentName(n))); err != nil {
			return err
		}
		room -= sizes[n]
		k.Pruned++
		k.frames = slices.DeleteFunc(k.frames, func(p place) bool { return p.segment == n })
	}
	return nil
}

// Kept is what was kept for one finding.
type Kept struct {
	Frames []Frame  `json:"frames"`
	Hashes []string `json:"hashes"` // of the frames
	Head   string   `json:"head"`   // hash of the last frame of all: what the chain ends with
	Lines  []string `json:"lines"`
}

// Find gives the lines kept for a finding, the first most of them.
func (k *Keeper) Find(finding string, most int) (Kept, error) {
	out := Kept{Head: k.last}
	for _, p := range k.frames {
		if !slices.Contains(p.Findings, finding) || len(out.Lines) >= most {
			continue
		}
		plain, err := k.plain(p)
		if err != nil {
			return out, fmt.Errorf("kept lines: %s: %w", segmentName(p.segment), err)
		}
		out.Frames, out.Hashes = append(out.Frames, p.Frame), append(out.Hashes, p.hash)
		for line := range bytes.Lines(plain) {
			if len(out.Lines) < most {
				out.Lines = append(out.Lines, strings.ToValidUTF8(strings.TrimSuffix(string(line), "\n"), "?"))
			}
		}
	}
	return out, nil
}

func (k *Keeper) plain(p place) ([]byte, error) {
	f, err := os.Open(filepath.Join(k.dir, segmentName(p.segment)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(p.at, io.SeekStart); err != nil {
		return nil, err
	}
	var n [4]byte
	if _, err := io.ReadFull(f, n[:]); err != nil {
		return nil, err
	}
	body := make([]byte, p.Size)
	if _, err := f.ReadAt(body, p.at+4+int64(binary.BigEndian.Uint32(n[:]))); err != nil {
		return nil, err
	}
	return k.dec.DecodeAll(body, nil)
}

// VerifyFolder checks the folder of an agent that may run meanwhile, and changes
// nothing.
func VerifyFolder(dir string) (int, error) { return (&Keeper{dir: dir}).Verify() }

// Verify reads every frame against its hash and the chain against itself; it
// gives how many frames hold, and every place where it does not, among them the
// segments that were set aside.
func (k *Keeper) Verify() (int, error) {
	list, err := k.segments()
	if err != nil {
		return 0, err
	}
	v := &Keeper{dir: k.dir}
	n := 0
	var bad error
	broken := true // the first may go on from frames that were pruned
	for _, seg := range list {
		_, frames, follows, err := v.read(seg)
		n += len(frames)
		if !follows && !broken {
			bad = errors.Join(bad, fmt.Errorf("%s, frame 1: the chain does not hold: %w", segmentName(seg), spool.ErrDamaged))
		}
		if broken = err != nil; broken {
			bad = errors.Join(bad, fmt.Errorf("%s, frame %d: the chain does not hold: %w", segmentName(seg), len(frames)+1, err))
		}
	}
	aside, err := filepath.Glob(filepath.Join(k.dir, "*.damaged*"))
	for _, name := range aside {
		bad = errors.Join(bad, fmt.Errorf("%s was set aside: %w", filepath.Base(name), spool.ErrDamaged))
	}
	return n, errors.Join(bad, err)
}

// Close closes the folder; what was not flushed is given up.
func (k *Keeper) Close() {
	if k.out != nil {
		k.out.Close()
	}
	k.enc.Close()
	k.dec.Close()
}

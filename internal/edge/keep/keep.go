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
	Damaged []string // segments whose chain does not hold, set aside
}

// tail is the end of one log: the last lines read, and those that will be kept.
type tail struct {
	ring    [before][]byte
	next    int
	n       int
	wanted  int // lines still to keep after the last mark
	pending bytes.Buffer
	lines   int
	marks   []string
	count   map[string]int // lines kept for a finding
	from    time.Time
	until   time.Time
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
	for i, n := range list {
		k.outNo = n
		good, frames, err := k.read(n, i == 0)
		if err != nil && !errors.Is(err, spool.ErrDamaged) {
			return err
		}
		path := filepath.Join(k.dir, segmentName(n))
		switch {
		case err == nil:
		case i == len(list)-1:
			// What a crash left half written.
			if err := os.Truncate(path, good); err != nil {
				return err
			}
		default:
			k.Damaged = append(k.Damaged, segmentName(n))
			if err := os.Rename(path, path+".damaged"); err != nil {
				return err
			}
			continue
		}
		k.frames = append(k.frames, frames...)
		k.outLen = good
	}
	return nil
}

// read walks a segment and checks its chain; good is how far it holds. The first
// segment may go on from frames that were pruned.
func (k *Keeper) read(n int, first bool) (good int64, frames []place, err error) {
	f, err := os.Open(filepath.Join(k.dir, segmentName(n)))
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	last := k.last
	defer func() { k.last = last }()
	for {
		p, body, sum, err := readFrame(f)
		if errors.Is(err, io.EOF) {
			return good, frames, nil
		}
		if err != nil {
			return good, frames, spool.ErrDamaged
		}
		if p.Prev != last && !(first && len(frames) == 0) {
			return good, frames, spool.ErrDamaged
		}
		p.segment, p.at, p.hash = n, good, sum
		good += int64(body)
		last = sum
		frames = append(frames, p)
	}
}

func readFrame(r io.Reader) (p place, size int, sum string, err error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = spool.ErrDamaged
		}
		return p, 0, "", err
	}
	head := make([]byte, min(binary.BigEndian.Uint32(n[:]), 1<<20))
	if _, err := io.ReadFull(r, head); err != nil || json.Unmarshal(head, &p.Frame) != nil || p.Size < 0 || p.Size > 2*frameSize+maxLine {
		return p, 0, "", spool.ErrDamaged
	}
	body := make([]byte, p.Size+sha256.Size)
	if _, err := io.ReadFull(r, body); err != nil {
		return p, 0, "", spool.ErrDamaged
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
	for _, m := range t.marks {
		t.count[m]++
	}
}

// Mark keeps the lines around the one that was noted last, for a finding.
func (k *Keeper) Mark(log, finding string, now time.Time) {
	t := k.tail(log)
	if t.count[finding] >= maxPerMark {
		return
	}
	if !slices.Contains(t.marks, finding) {
		t.marks = append(t.marks, finding)
		if _, known := t.count[finding]; !known && len(t.count) > 10_000 {
			clear(t.count)
		}
		t.count[finding] += 0
	}
	for i := range t.n {
		t.put(now, t.ring[(t.next-t.n+i+before)%before])
	}
	t.n = 0
	t.wanted = after
}

// Flush brings what is to be kept to disk. The caller runs it before it keeps
// the positions of its logs.
func (k *Keeper) Flush() error {
	for log, t := range k.logs {
		if t.lines == 0 {
			continue
		}
		if err := k.write(log, t); err != nil {
			return fmt.Errorf("kept lines: %w", err)
		}
	}
	return nil
}

func (k *Keeper) write(log string, t *tail) error {
	plain := t.pending.Bytes()
	// A frame ends with a line.
	for len(plain) > 0 {
		part := plain
		if len(part) > frameSize {
			part = part[:bytes.LastIndexByte(part[:min(len(part), frameSize+maxLine)], '\n')+1]
		}
		body := k.enc.EncodeAll(part, nil)
		f := Frame{Prev: k.last, Log: log, From: t.from, Until: t.until, Findings: t.marks, Lines: bytes.Count(part, []byte("\n")), Size: len(body)}
		if err := k.append(f, body); err != nil {
			return err
		}
		plain = plain[len(part):]
	}
	t.pending.Reset()
	t.lines = 0
	if t.wanted == 0 {
		t.marks = nil
	}
	return k.prune()
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
	b := binary.BigEndian.AppendUint32(nil, uint32(len(head)))
	b = append(append(b, head...), body...)
	sum := sha256.Sum256(b)
	b = append(b, sum[:]...)
	if _, err := k.out.WriteAt(b, k.outLen); err != nil {
		return err
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
// gives how many frames hold.
func (k *Keeper) Verify() (int, error) {
	list, err := k.segments()
	if err != nil {
		return 0, err
	}
	v := &Keeper{dir: k.dir}
	n := 0
	for i, seg := range list {
		_, frames, err := v.read(seg, i == 0)
		n += len(frames)
		if err != nil {
			return n, fmt.Errorf("%s, frame %d: the chain does not hold: %w", segmentName(seg), len(frames)+1, err)
		}
	}
	return n, nil
}

// Close closes the folder; what was not flushed is given up.
func (k *Keeper) Close() {
	if k.out != nil {
		k.out.Close()
	}
	k.enc.Close()
	k.dec.Close()
}

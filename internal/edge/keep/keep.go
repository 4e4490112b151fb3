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

// Close closes the folder; what was not flushed is given up.
func (k *Keeper) Close() {
	if k.out != nil {
		k.out.Close()
	}
	k.enc.Close()
	k.dec.Close()
}

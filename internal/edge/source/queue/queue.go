// Package queue keeps on disk what other machines send to the agent (syslog,
// flows, standard input) until its lines have been counted: senders do not
// repeat, so what was taken from the network must outlive a kill. It is a row of
// files bounded in bytes; what finds no room is counted, never silently lost.
package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"filo/internal/edge/source/reading"
)

// A segment is a file named after the offset of its first byte in the whole
// stream; a record is its length and its CRC-32C, 4 bytes each, then its bytes.
const (
	suffix    = ".queue"
	recordTop = 8
	syncEvery = time.Second
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why something was not given.
const (
	LostFull    = "queue full"
	LostDisk    = "queue could not be written"
	LostDamaged = "queue damaged on disk"
)

// Queue is an open queue. Many goroutines may append; one reads.
type Queue struct {
	reading.Tally
	dir   string
	limit int64
	size  int64 // of a segment

	mu    sync.Mutex
	segs  []int64 // offsets at which the segments begin
	end   int64
	out   *os.File
	dirty bool
	shut  bool
	buf   []byte

	in     *os.File // of the reader
	inSeg  int64
	at     int64 // behind the last record given
	asked  int64 // the position asked for last: kept by now
	record []byte
	done   chan struct{}
	once   sync.Once
}

// Open opens the queue in dir, which may take up to limit bytes, and goes on
// reading at pos. A record that a crash left half written is cut off and counted.
func Open(dir string, limit int64, pos reading.Position) (*Queue, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	q := &Queue{dir: dir, limit: limit, size: min(max(limit/16, 4<<10), 8<<20), done: make(chan struct{})}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.ParseInt(name, 16, 64); ok && err == nil {
			q.segs = append(q.segs, n)
		}
	}
	slices.Sort(q.segs)
	if len(q.segs) == 0 {
		q.end = pos.Offset
	} else if err := q.mend(); err != nil {
		return nil, err
	}
	if err := q.Rewind(pos); err != nil {
		return nil, err
	}
	go q.sync()
	return q, nil
}

func (q *Queue) path(seg int64) string {
	return filepath.Join(q.dir, fmt.Sprintf("%016x%s", seg, suffix))
}

// mend finds the end of the last segment and cuts off what is no whole record.
func (q *Queue) mend() error {
	last := q.segs[len(q.segs)-1]
	f, err := os.OpenFile(q.path(last), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	at := int64(0)
	for {
		n, err := q.load(f, at)
		if err != nil {
			break
		}
		at += n
	}
	if at < st.Size() {
		q.Drop(LostDamaged, 1)
		if err := f.Truncate(at); err != nil {
			f.Close()
			return err
		}
	}
	q.out, q.end = f, last+at
	return nil
}

var errDamaged = errors.New("damaged record")

// load reads the record at an offset of a segment into q.record and gives the
// bytes it takes.
func (q *Queue) load(f io.ReaderAt, at int64) (int64, error) {
	var top [recordTop]byte
	if _, err := f.ReadAt(top[:], at); err != nil {
		return 0, err
	}
	n := binary.LittleEndian.Uint32(top[:])
	if n > reading.MaxLine {
		return 0, errDamaged
	}
	q.record = slices.Grow(q.record[:0], int(n))[:n]
	if _, err := f.ReadAt(q.record, at+recordTop); err != nil && (n > 0 || !errors.Is(err, io.EOF)) {
		return 0, err
	}
	if crc32.Checksum(q.record, castagnoli) != binary.LittleEndian.Uint32(top[4:]) {
		return 0, errDamaged
	}
	return recordTop + int64(n), nil
}

// Append adds records, each at most MaxLine long; longer ones are cut and
// counted. When it returns, a kill of the process does not lose them; against
// loss of power they are safe within a second. What finds no room is counted.
func (q *Queue) Append(records ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.buf = q.buf[:0]
	n := uint64(0)
	for _, r := range records {
		if len(r) > reading.MaxLine {
			r = reading.Whole(r[:reading.MaxLine])
			q.Cut(1)
		}
		if q.end+int64(len(q.buf)+recordTop+len(r))-q.first() > q.limit {
			q.Drop(LostFull, 1)
			continue
		}
		q.buf = binary.LittleEndian.AppendUint32(q.buf, uint32(len(r)))
		q.buf = binary.LittleEndian.AppendUint32(q.buf, crc32.Checksum(r, castagnoli))
		q.buf = append(q.buf, r...)
		n++
	}
	if n > 0 && (q.shut || q.write() != nil) {
		q.Drop(LostDisk, n)
	}
}

// first is the offset at which the oldest segment begins.
func (q *Queue) first() int64 {
	if len(q.segs) == 0 {
		return q.end
	}
	return q.segs[0]
}

func (q *Queue) write() error {
	if q.out == nil || q.end-q.segs[len(q.segs)-1] >= q.size {
		if err := q.begin(); err != nil {
			return err
		}
	}
	at := q.end - q.segs[len(q.segs)-1]
	if _, err := q.out.WriteAt(q.buf, at); err != nil {
		return errors.Join(err, q.out.Truncate(at))
	}
	q.end += int64(len(q.buf))
	q.dirty = true
	return nil
}

// begin starts a segment.
func (q *Queue) begin() error {
	f, err := os.OpenFile(q.path(q.end), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if q.out != nil {
		if err := errors.Join(q.out.Sync(), q.out.Close()); err != nil {
			q.Note("queue segment not synced", 1)
		}
	}
	q.out = f
	if len(q.segs) == 0 || q.segs[len(q.segs)-1] != q.end {
		q.segs = append(q.segs, q.end)
	}
	return nil
}

// sync brings what was written to the disk, in groups.
func (q *Queue) sync() {
	t := time.NewTicker(syncEvery)
	defer t.Stop()
	for {
		select {
		case <-q.done:
			return
		case <-t.C:
		}
		q.mu.Lock()
		out, dirty := q.out, q.dirty
		q.dirty = false
		q.mu.Unlock()
		if !dirty {
			continue
		}
		if err := out.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			q.Note("queue not synced", 1)
		}
	}
}

// Shut ends the queue; what is in it stays.
func (q *Queue) Shut() {
	q.once.Do(func() {
		close(q.done)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.shut = true
		if q.out != nil {
			_ = q.out.Sync()
			q.out.Close()
			q.out = nil
		}
		if q.in != nil {
			q.in.Close()
			q.in = nil
		}
	})
}

// Full reports whether the next record may find no room, for those who can make
// their sender wait.
func (q *Queue) Full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end+2*reading.MaxLine-q.first() > q.limit
}

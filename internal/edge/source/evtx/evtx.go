// Package evtx reads the event log files of Windows anywhere: a technician of a
// Comune brings them on a stick from a server that no longer starts. Dirty and
// damaged files give all they hold; what a chunk promises and does not hold is
// counted, never passed over in silence.
package evtx

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"filo/internal/edge/source/reading"
)

// Why something was not given, and what is told beside.
const (
	LostPromised = "records promised by their chunk and not found"
	LostTorn     = "torn places between records"
	NoteDamaged  = "damaged records given as text"
	NoteCarved   = "records carved where no chunk was"
	NoteSum      = "chunks whose checksum does not fit"
	NoteDirty    = "files that were not closed"
	NoteStale    = "leftovers of overwritten records"
	NoteGap      = "gaps between record numbers"
)

// Is reports whether a file that begins with head is one of these.
func Is(head []byte) bool {
	return bytes.HasPrefix(head, []byte(fileMagic)) || bytes.HasPrefix(head, []byte(chunkMagic))
}

// Record is one record of a file, as a JSON object on a line that is valid only
// during the call.
type Record struct {
	ID   uint64
	Line []byte
}

// Reader reads one file.
type Reader struct {
	Tally *reading.Tally
	Skip  func(id uint64) bool // records not wanted, which are not decoded; nil: none
	ev    *event
	buf   []byte
	last  uint64
}

// Stream reads a file that can only be read once, chunk after chunk.
func (r *Reader) Stream(in io.Reader, f func(Record) error) error {
	r.begin()
	b := make([]byte, chunkSize)
	n, err := io.ReadFull(in, b[:chunkHead])
	if string(b[:min(n, 8)]) == fileMagic {
		r.header(b[:n])
		size := max(int(binary.LittleEndian.Uint16(b[40:])), chunkHead)
		if _, err := io.CopyN(io.Discard, in, int64(size-chunkHead)); err != nil {
			return whole(err)
		}
		n = 0
	}
	for !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		if err != nil {
			return err
		}
		var k int
		k, err = io.ReadFull(in, b[n:])
		n += k
		if n == 0 {
			break
		}
		if i := bytes.Index(b[:n], []byte(chunkMagic)); i > 0 { // chunks are not where they should be
			if err := r.chunk(b[:i], f); err != nil {
				return err
			}
			n = copy(b, b[i:n])
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				return r.chunk(b[:n], f)
			}
			continue
		}
		if err := r.chunk(b[:n], f); err != nil {
			return err
		}
		n = 0
	}
	return nil
}

func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func (r *Reader) begin() {
	if r.Tally == nil {
		r.Tally = &reading.Tally{}
	}
	if r.ev == nil {
		r.ev = newEvent()
	}
	r.last = 0
}

func (r *Reader) header(b []byte) {
	if len(b) >= 124 && binary.LittleEndian.Uint32(b[120:])&1 != 0 {
		r.Tally.Note(NoteDirty, 1)
	}
}

// File reads a file whose chunks can be reached, in the order of their records:
// a log that has turned over begins in its middle.
func (r *Reader) File(in io.ReaderAt, size int64, f func(Record) error) error {
	r.begin()
	b := make([]byte, chunkSize)
	n, err := in.ReadAt(b[:chunkHead], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	start := int64(0)
	if string(b[:min(n, 8)]) == fileMagic && n >= 128 {
		start = int64(max(int(binary.LittleEndian.Uint16(b[40:])), chunkHead))
	}
	type place struct {
		at    int64
		first uint64
	}
	var order []place
	for at := start; at < size; at += chunkSize {
		if n, err := in.ReadAt(b[:128], at); n < 128 || string(b[:8]) != chunkMagic {
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			// Something is not in its place: read as it lies.
			if n == 128 && blank(b[:128]) && at+chunkSize <= size && r.empty(in, at) {
				continue
			}
			return r.Stream(io.NewSectionReader(in, 0, size), f)
		}
		order = append(order, place{at, binary.LittleEndian.Uint64(b[24:])})
	}
	if start > 0 {
		_, _ = in.ReadAt(b[:chunkHead], 0)
		r.header(b[:chunkHead])
	}
	slices.SortStableFunc(order, func(a, b place) int { return cmp.Compare(a.first, b.first) })
	for _, p := range order {
		n, err := in.ReadAt(b, p.at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err := r.chunk(b[:n], f); err != nil {
			return err
		}
	}
	return nil
}

// empty reports whether a whole chunk's place holds nothing.
func (r *Reader) empty(in io.ReaderAt, at int64) bool {
	b := make([]byte, chunkSize)
	n, _ := in.ReadAt(b, at)
	return blank(b[:n])
}

// chunk gives the records of a chunk, or of bytes that should be one.
func (r *Reader) chunk(b []byte, f func(Record) error) error {
	c := newChunk(b)
	if c.headed && !c.intact {
		r.Tally.Note(NoteSum, 1)
	}
	found := uint64(0)
	torn, stale, err := c.records(func(x record) error {
		if c.headed && x.id >= c.first && x.id <= c.last {
			found++
		}
		if !c.headed {
			r.Tally.Note(NoteCarved, 1)
		}
		if r.Skip != nil && r.Skip(x.id) {
			r.last = x.id
			return nil
		}
		if r.last != 0 && x.id > r.last+1 {
			r.Tally.Note(NoteGap, 1)
		}
		r.last = x.id
		var damage error
		if r.buf, damage = c.line(r.buf[:0], x, r.ev); damage != nil {
			r.Tally.Note(NoteDamaged, 1)
		}
		return f(Record{x.id, r.buf})
	})
	if err != nil {
		return err
	}
	r.Tally.Note(NoteStale, stale)
	r.Tally.Drop(LostTorn, torn)
	if n := c.promised(); n > found {
		r.Tally.Drop(LostPromised, n-found)
	}
	return nil
}

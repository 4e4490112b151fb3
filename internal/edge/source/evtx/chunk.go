package evtx

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"filo/internal/edge/source/reading"
)

const (
	chunkSize   = 64 << 10
	chunkHead   = 512
	recordHead  = 24
	maxRecord   = chunkSize - chunkHead
	firstChunk  = 4096
	fileMagic   = "ElfFile\x00"
	chunkMagic  = "ElfChnk\x00"
	recordMagic = "**\x00\x00"

	maxChunkSteps = 1 << 20
	maxChunkText  = 8 << 20
	recordText    = 16 << 10 // of what can be seen in a damaged record
)

// chunk is 64 KiB of a file: records, with the names and templates they share.
type chunk struct {
	b           []byte
	headed      bool // its head is there
	intact      bool // and both checksums fit
	first, last uint64
	free        int // where the records end, by its head
	steps, text int // what its records may still cost: few bytes can unfold to many
}

func newChunk(b []byte) *chunk {
	c := &chunk{b: b, free: len(b), steps: maxChunkSteps, text: maxChunkText}
	if len(b) < chunkHead || string(b[:8]) != chunkMagic {
		return c
	}
	le := binary.LittleEndian
	c.headed = true
	c.first, c.last = le.Uint64(b[24:]), le.Uint64(b[32:])
	sum := crc32.Update(crc32.ChecksumIEEE(b[:120]), crc32.IEEETable, b[128:chunkHead])
	free := int(le.Uint32(b[48:]))
	if free >= chunkHead && free <= len(b) {
		c.free = free
		c.intact = sum == le.Uint32(b[124:]) && crc32.ChecksumIEEE(b[chunkHead:free]) == le.Uint32(b[52:])
	}
	return c
}

// promised is how many records the head of the chunk speaks of.
func (c *chunk) promised() uint64 {
	if !c.headed || c.last < c.first || c.last-c.first >= chunkSize/recordHead || c.last == 0 {
		return 0
	}
	return c.last - c.first + 1
}

// record is one record as it lies in a chunk.
type record struct {
	at, size int
	id       uint64
	written  uint64 // FILETIME
}

// records finds the records of a chunk. Where the chain breaks it looks for the
// next one that is whole. Behind the end that the head names lie those that were
// written after it, in a file that was not closed, and leftovers of the past,
// which are not given: their numbers go backwards.
func (c *chunk) records(f func(record) error) (torn, stale uint64, err error) {
	at, top := 0, uint64(0)
	if c.headed {
		at = chunkHead
	}
	for at+recordHead+4 <= len(c.b) {
		r, ok := c.record(at)
		if !ok {
			if at < c.free && c.headed && !blank(c.b[at:min(at+recordHead, len(c.b))]) {
				torn++
			}
			i := bytes.Index(c.b[min(at+4, len(c.b)):], []byte(recordMagic))
			for i >= 0 {
				at += 4 + i
				if _, ok := c.record(at); ok {
					break
				}
				i = bytes.Index(c.b[min(at+4, len(c.b)):], []byte(recordMagic))
			}
			if i < 0 {
				return torn, stale, nil
			}
			continue
		}
		at += r.size
		if c.headed && r.at >= c.free && r.id <= top {
			stale++
			continue
		}
		top = max(top, r.id)
		if err := f(r); err != nil {
			return torn, stale, err
		}
	}
	return torn, stale, nil
}

func blank(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// record reads the head of the record at an offset; ok says that it is whole.
func (c *chunk) record(at int) (record, bool) {
	le := binary.LittleEndian
	b := c.b[at:]
	if len(b) < recordHead+4 || string(b[:4]) != recordMagic {
		return record{}, false
	}
	n := int(le.Uint32(b[4:]))
	if n < recordHead+4 || n > maxRecord || n > len(b) || int(le.Uint32(b[n-4:])) != n {
		return record{}, false
	}
	return record{at, n, le.Uint64(b[8:]), le.Uint64(b[16:])}, true
}

// line makes one JSON object of a record. One whose binary XML is damaged gives
// its number, its time, the fields read before the damage and every text that
// can be seen in it, so that what to look for is found all the same.
func (c *chunk) line(dst []byte, r record, ev *event) ([]byte, error) {
	ev.reset(min(maxText, c.text))
	steps := min(maxSteps, c.steps)
	w := walker{b: c.b, at: r.at + recordHead, end: r.at + r.size - 4, ev: ev, steps: steps}
	err := w.fragment(nil)
	c.steps -= steps - w.steps
	c.text -= min(ev.size, c.text)
	if err == nil && ev.full {
		err = errXML
	}
	if err == nil && len(ev.names) > 0 {
		return ev.line(dst), nil
	}
	if err == nil {
		err = bad("no element", r.at)
	}
	if ev.full {
		ev.reset(0)
	}
	ev.attr, ev.limit = "", ev.size+recordText
	if _, ok := ev.index["EventRecordID"]; !ok {
		ev.put("EventRecordID", strconv.AppendUint(nil, r.id, 10))
	}
	if _, ok := ev.index["TimeCreated"]; !ok {
		ev.put("TimeCreated", appendTime(nil, r.written))
	}
	ev.put("Damaged", []byte(err.Error()))
	for _, s := range visible(c.b[r.at+recordHead : r.at+r.size-4]) {
		ev.put("Text", s)
	}
	return ev.line(dst), err
}

// visible gives the texts of UTF-16 that can be seen in bytes.
func visible(b []byte) [][]byte {
	var out [][]byte
	for i := 0; i+1 < len(b); {
		n := 0
		for i+n+1 < len(b) && b[i+n+1] == 0 && b[i+n] >= ' ' && b[i+n] < 0x7f {
			n += 2
		}
		if n >= 8 {
			out = append(out, reading.FromUTF16(nil, b[i:i+n], reading.UTF16LE))
			i += n
			continue
		}
		i++
	}
	return out
}

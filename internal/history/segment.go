package history

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/FastFilter/xorfilter"

	"filo/internal/observable"
	"filo/internal/spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A segment is a head of 96 bytes, the index, the fingerprints, the postings, a
// filter (of hours and days) and the meta as JSON. Of a key its first 48 bits
// count: the first of them number a bucket, the others are the fingerprint.
// Two of 300 million million values may share them: a question of 100,000 values
// to 50 million is wrong about one of them once in fifty times, so that "seen" is
// confirmed by a person before anybody acts on it.
//
// The index has a row of 8 bytes for each bucket and one more: the number of its
// first fingerprint and where its postings begin. The postings of a key are their
// number and, for each, the hour less that of the one before, log, count, first
// second in the hour and last less first, all as varints.
const (
	segMagic   = "filohs2\n"
	segHead    = 96
	prefixBits = 48
	maxFilter  = 1_000_000 // keys of a segment that still gets a filter
)

// meta is what a segment says of itself.
type meta struct {
	Logs     []string              `json:"logs"`
	Lines    map[string][][2]int64 `json:"lines"` // of each log: hour from the first, lines read
	Replaces []string              `json:"replaces,omitempty"`
}

// segment is an open one, read in place.
type segment struct {
	span span
	path string
	size int64
	meta meta

	b        []byte // the whole file
	unmap    func() error
	n        int
	shift    uint // of a prefix, to its bucket
	width    int  // bytes of a fingerprint
	index    []byte
	fps      []byte
	postings []byte
	filter   *xorfilter.BinaryFuse8
}

// shape gives bucket bits and width of a fingerprint for n keys: about 16 keys
// in a bucket.
func shape(n int) (bucketBits uint, width int) {
	bucketBits = uint(max(8, min(24, bits.Len(uint(n/16)))))
	return bucketBits, int(prefixBits-bucketBits+7) / 8
}

func prefix(k observable.Key) uint64 { return uint64(k) >> (64 - prefixBits) }

func (s *segment) stem() string {
	name, _, _ := strings.Cut(filepath.Base(s.path), ".")
	return name
}

// openSegment opens a file and checks its head; Check reads the rest.
func openSegment(path string) (*segment, error) {
	s := &segment{path: path}
	var ok bool
	if s.span, ok = parseSpan(s.stem()); !ok {
		return nil, spool.ErrDamaged
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if s.size = st.Size(); s.size < segHead {
		return nil, spool.ErrDamaged
	}
	if s.b, s.unmap, err = mapFile(f, s.size); err != nil {
		return nil, err
	}
	if err := s.parse(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Head: magic 8, keys 8, ends of index, fingerprints, postings, filter and meta
// 8 each, seed of the filter 8, its four numbers 4 each, zero 4, checksum of the
// rest of the file 4, zero 4, checksum of the head 4.
func (s *segment) parse() error {
	le := binary.LittleEndian
	if string(s.b[:8]) != segMagic || crc32.Checksum(s.b[:segHead-4], castagnoli) != le.Uint32(s.b[segHead-4:]) {
		return spool.ErrDamaged
	}
	n := le.Uint64(s.b[8:])
	at := [6]uint64{segHead}
	for i := range 5 {
		at[i+1] = le.Uint64(s.b[16+8*i:])
		if at[i+1] < at[i] || at[i+1] > uint64(s.size) {
			return spool.ErrDamaged
		}
	}
	if at[5] != uint64(s.size) || n > 1<<31 {
		return spool.ErrDamaged
	}
	part := func(i int) []byte { return s.b[at[i]:at[i+1]] }
	s.n, s.index, s.fps, s.postings = int(n), part(0), part(1), part(2)
	buckets := len(s.index)/8 - 1
	if buckets < 1 || buckets&(buckets-1) != 0 || len(s.index)%8 != 0 {
		return spool.ErrDamaged
	}
	b := uint(bits.Len(uint(buckets)) - 1)
	s.shift, s.width = prefixBits-b, int(prefixBits-b+7)/8
	if len(s.fps) != s.n*s.width {
		return spool.ErrDamaged
	}
	if f := part(3); len(f) > 0 {
		s.filter = &xorfilter.BinaryFuse8{
			Seed: le.Uint64(s.b[56:]), SegmentLength: le.Uint32(s.b[64:]), SegmentLengthMask: le.Uint32(s.b[68:]),
			SegmentCount: le.Uint32(s.b[72:]), SegmentCountLength: le.Uint32(s.b[76:]), Fingerprints: f,
		}
	}
	if json.Unmarshal(part(4), &s.meta) != nil {
		return spool.ErrDamaged
	}
	return nil
}

// check reads the whole file against its checksum.
func (s *segment) check() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err)
	if crc32.Checksum(s.b[segHead:], castagnoli) != binary.LittleEndian.Uint32(s.b[84:]) {
		return spool.ErrDamaged
	}
	return nil
}

func (s *segment) close() {
	if s.unmap != nil {
		_ = s.unmap()
		s.b, s.unmap = nil, nil
	}
}

func (s *segment) remove() error {
	s.close()
	return os.Remove(s.path)
}

func (s *segment) row(i int) (first, at int) {
	return int(binary.LittleEndian.Uint32(s.index[8*i:])), int(binary.LittleEndian.Uint32(s.index[8*i+4:]))
}

func (s *segment) fp(i int) uint64 {
	b := s.fps[i*s.width:]
	switch s.width {
	case 3:
		return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(b[4])<<32
}

// posting is one key in one hour of one log.
type posting struct {
	hour  int64 // from 1970
	log   int
	count uint64
	first int // seconds in the hour
	last  int
}

// find calls f with every posting of a prefix. It fails when the segment makes
// no sense. Nearly every question is of a value that was never seen: postings are
// read only where its fingerprint is.
func (s *segment) find(p uint64, f func(posting)) error {
	bucket := int(p >> s.shift)
	from, at := s.row(bucket)
	to, _ := s.row(bucket + 1)
	if from > to || to > s.n || at > len(s.postings) {
		return spool.ErrDamaged
	}
	want := p & (1<<s.shift - 1)
	i := from
	for i < to && s.fp(i) < want {
		i++
	}
	if i == to || s.fp(i) != want {
		return nil
	}
	rest := s.postings[at:]
	for k := from; k < to && s.fp(k) <= want; k++ {
		var err error
		if rest, err = s.decode(rest, s.fp(k) == want, f); err != nil {
			return err
		}
	}
	return nil
}

// decode reads the postings of one key.
func (s *segment) decode(b []byte, wanted bool, f func(posting)) ([]byte, error) {
	ok := true
	num := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			ok = false
			return 0
		}
		b = b[n:]
		return v
	}
	p := posting{hour: s.span.first}
	for n := num(); n > 0 && ok; n-- {
		p.hour += int64(num() & 0xffff)
		p.log, p.count, p.first = int(num()), num(), int(num())
		p.last = p.first + int(num())
		if !ok || p.log >= len(s.meta.Logs) {
			return nil, spool.ErrDamaged
		}
		if wanted {
			f(p)
		}
	}
	if !ok {
		return nil, spool.ErrDamaged
	}
	return b, nil
}

// guard turns a fault of a mapped page, which a broken disk or a shortened file
// gives, and an index out of range, which a damaged file gives, into an error. A
// fault comes as a panic only where debug.SetPanicOnFault asks for it.
func guard(err *error) {
	if r := recover(); r != nil {
		e, _ := r.(error)
		*err = errors.Join(spool.ErrDamaged, fmt.Errorf("reading: %w", e))
	}
}

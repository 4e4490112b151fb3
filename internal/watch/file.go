package watch

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"filo/internal/observable"
)

// The file: a head of 48 bytes, the records of values in the order in which they
// came, the records of networks, and the index. A record is a byte for the kind
// and two counted texts, value and name. A row of the index is the key of a value
// and where its record begins; rows are sorted by key.
//
//	head: magic 8, records end 8, networks end 8, rows 8, checksum of all else 4, zero 12
const (
	magic    = "filowl1\n"
	headSize = 48
	rowSize  = 12
)

// MaxText is how long a value, and a name, may be in bytes.
const MaxText = 4096

var errDamaged = errors.New("the file is damaged")

var kinds = []string{"", observable.IPv4, observable.IPv6, observable.Domain, observable.URL, observable.Email, observable.MD5, observable.SHA1, observable.SHA256, observable.SHA512, observable.Network}

type row struct {
	key uint64
	at  uint32
}

// file is a written list, read in place.
type file struct {
	f         *os.File
	rows      int
	valuesEnd int64
	indexAt   int64
}

func (f *file) Close() error { return f.f.Close() }

// openFile opens a list and checks all of it.
func openFile(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	x, err := check(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return x, nil
}

func check(f *os.File) (*file, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return nil, errDamaged
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	x := &file{f: f, valuesEnd: int64(le.Uint64(head[8:])), indexAt: int64(le.Uint64(head[16:])), rows: int(le.Uint64(head[24:]))}
	if string(head[:8]) != magic || x.valuesEnd < headSize || x.indexAt < x.valuesEnd || x.rows < 0 || x.indexAt+int64(x.rows)*rowSize != size {
		return nil, errDamaged
	}
	sum := crc32.New(castagnoli)
	buf := make([]byte, 256<<10)
	if _, err := io.CopyBuffer(sum, onlyReader{io.NewSectionReader(f, headSize, size-headSize)}, buf); err != nil {
		return nil, err
	}
	if whole(sum.Sum32(), head[:]) != le.Uint32(head[32:]) {
		return nil, errDamaged
	}
	return x, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// whole takes the head into the checksum of what follows it.
func whole(body uint32, head []byte) uint32 { return crc32.Update(body, castagnoli, head[:32]) }

// onlyReader hides WriterTo, so that the copy uses our buffer.
type onlyReader struct{ io.Reader }

// eachKey gives every key, in order.
func (f *file) eachKey(put func(observable.Key)) error {
	r := io.NewSectionReader(f.f, f.indexAt, int64(f.rows)*rowSize)
	buf := make([]byte, 64*1024/rowSize*rowSize)
	for {
		n, err := io.ReadFull(r, buf)
		for i := 0; i+rowSize <= n; i += rowSize {
			put(observable.Key(binary.LittleEndian.Uint64(buf[i:])))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// names gives those under which a value was written.
func (f *file) names(k observable.Key, v observable.Value) ([]string, error) {
	var bad error
	at := func(i int) row {
		var b [rowSize]byte
		if _, err := f.f.ReadAt(b[:], f.indexAt+int64(i)*rowSize); err != nil {
			bad = err
		}
		return row{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint32(b[8:])}
	}
	i := sort.Search(f.rows, func(i int) bool { return at(i).key >= uint64(k) })
	var out []string
	for ; i < f.rows && bad == nil; i++ {
		r := at(i)
		if r.key != uint64(k) {
			break
		}
		e, err := f.record(int64(r.at))
		if err != nil {
			return nil, err
		}
		if e.Value == v {
			out = append(out, e.Name)
		}
	}
	return out, bad
}

func (f *file) record(at int64) (Entry, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f.f, at, 2*MaxText), 512)
	e, _, err := readRecord(r)
	return e, err
}

// values gives every value, in the order of the file.
func (f *file) values() iter.Seq2[Entry, error] { return f.records(headSize, f.valuesEnd) }

func (f *file) networks() iter.Seq2[Entry, error] { return f.records(f.valuesEnd, f.indexAt) }

func (f *file) records(from, to int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r := bufio.NewReaderSize(io.NewSectionReader(f.f, from, to-from), 64<<10)
		for from < to {
			e, n, err := readRecord(r)
			if !yield(e, err) || err != nil {
				return
			}
			from += int64(n)
		}
	}
}

func readRecord(r *bufio.Reader) (e Entry, n int, err error) {
	k, err := r.ReadByte()
	if err != nil || int(k) >= len(kinds) {
		return e, 0, errors.Join(errDamaged, err)
	}
	n = 1
	text := func() string {
		size, e := binary.ReadUvarint(r)
		if e != nil || size > MaxText {
			err = errors.Join(errDamaged, e)
			return ""
		}
		b := make([]byte, size)
		if _, e := io.ReadFull(r, b); e != nil {
			err = errors.Join(errDamaged, e)
		}
		n += len(binary.AppendUvarint(nil, size)) + int(size)
		return string(b)
	}
	e.Value.Kind = kinds[k]
	e.Value.Value = text()
	if err == nil {
		e.Name = text()
	}
	return e, n, err
}

// halfWritten begins the name of a file that is not yet the list.
const halfWritten = "watch-new-"

// writeFile writes a list beside the old one and gives where it is.
func writeFile(path string, seed observable.Seed, entries iter.Seq2[Entry, error]) (name string, err error) {
	t, err := os.CreateTemp(filepath.Dir(path), halfWritten)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			t.Close()
			os.Remove(t.Name())
		}
	}()
	w := &writer{seed: seed, sum: crc32.New(castagnoli), at: headSize}
	w.out = bufio.NewWriterSize(io.MultiWriter(t, w.sum), 256<<10)
	if _, err := t.Write(make([]byte, headSize)); err != nil {
		return "", err
	}
	for e, err := range entries {
		if err != nil {
			return "", err
		}
		if err := w.add(e); err != nil {
			return "", err
		}
	}
	head, err := w.finish()
	if err != nil {
		return "", err
	}
	if _, err := t.WriteAt(head, 0); err != nil {
		return "", err
	}
	if err := t.Sync(); err != nil {
		return "", err
	}
	if err := t.Close(); err != nil {
		return "", err
	}
	return t.Name(), nil
}

type writer struct {
	seed observable.Seed
	out  *bufio.Writer
	sum  interface {
		io.Writer
		Sum32() uint32
	}
	at   int64
	rows []row
	nets []Entry
	buf  []byte
}

func (w *writer) add(e Entry) error {
	if e.Value.Kind == observable.Network {
		w.nets = append(w.nets, e)
		return nil
	}
	k, ok := w.seed.Of(e.Value)
	if !ok {
		return fmt.Errorf("%s %q cannot be watched for", e.Value.Kind, e.Value.Value)
	}
	if w.at > 1<<32-1 {
		return errors.New("the texts are larger than 4 GB")
	}
	w.rows = append(w.rows, row{uint64(k), uint32(w.at)})
	return w.record(e)
}

func (w *writer) record(e Entry) error {
	if len(e.Value.Value) > MaxText || len(e.Name) > MaxText {
		return fmt.Errorf("a text is longer than %d bytes", MaxText)
	}
	b := append(w.buf[:0], byte(slices.Index(kinds, e.Value.Kind)))
	b = append(binary.AppendUvarint(b, uint64(len(e.Value.Value))), e.Value.Value...)
	b = append(binary.AppendUvarint(b, uint64(len(e.Name))), e.Name...)
	w.buf = b
	w.at += int64(len(b))
	_, err := w.out.Write(b)
	return err
}

// finish writes networks and index, and gives the head.
func (w *writer) finish() ([]byte, error) {
	valuesEnd := w.at
	for _, e := range w.nets {
		if err := w.record(e); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(w.rows, func(a, b row) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return int(int64(a.at) - int64(b.at))
	})
	var b [rowSize]byte
	for _, r := range w.rows {
		binary.LittleEndian.PutUint64(b[:], r.key)
		binary.LittleEndian.PutUint32(b[8:], r.at)
		if _, err := w.out.Write(b[:]); err != nil {
			return nil, err
		}
	}
	if err := w.out.Flush(); err != nil {
		return nil, err
	}
	head := make([]byte, headSize)
	copy(head, magic)
	binary.LittleEndian.PutUint64(head[8:], uint64(valuesEnd))
	binary.LittleEndian.PutUint64(head[16:], uint64(w.at))
	binary.LittleEndian.PutUint64(head[24:], uint64(len(w.rows)))
	binary.LittleEndian.PutUint32(head[32:], whole(w.sum.Sum32(), head))
	return head, nil
}

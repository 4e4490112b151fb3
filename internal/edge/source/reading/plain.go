package reading

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// ErrXZ says that a file is compressed in a way that filo does not undo.
var ErrXZ = errors.New("compressed with xz, which is not read: unpack it first (unxz -k FILE)")

// Packed reports whether first bytes are those of a compressed file.
func Packed(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}) ||
		len(head) > 3 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9'
}

// Plain undoes compression, recognised by the first bytes: gzip, zstd, bzip2.
// What is not compressed comes back as it is, and packed is false. Memory is
// bounded whatever the file claims.
func Plain(in io.Reader) (r *bufio.Reader, packed bool, closer func(), err error) {
	b := bufio.NewReaderSize(in, MaxLine)
	head, _ := b.Peek(6)
	none := func() {}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, true, none, err
		}
		return bufio.NewReaderSize(z, MaxLine), true, none, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, true, none, err
		}
		return bufio.NewReaderSize(z, MaxLine), true, z.Close, nil
	case Packed(head) && head[0] == 'B':
		return bufio.NewReaderSize(bzip2.NewReader(b), MaxLine), true, none, nil
	case Packed(head):
		return nil, true, none, ErrXZ
	}
	return b, false, none, nil
}

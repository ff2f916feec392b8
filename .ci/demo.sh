# shellcheck shell=bash
# What `./up demo` tells: whose model is this, and who leaked it. A vendor registers a model, marks and
# locks it; two customers unlock their copies; one of them alters hers and gives it away; and the file that
# is found names her. Every command is shown before it runs, and can be typed as it stands.
#
# Sourced by up, whose functions start and end the server. All of it happens in a folder of its own.

fashion=/usr/share/datasets/fashion-mnist

# tell TEXT…: what happens next, and why.
tell() {
	printf '\n%s\n' "$(fold -s -w 100 <<<"$*" | sed 's/ $//')"
}

# shown WORD…: a command as it can be typed.
shown() {
	local word line=
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=@,+-]* | '') word="'$word'" ;;
		esac
		line+=" $word"
	done
	printf '  $%s\n' "$line"
}

# quiet COMMAND…: shows the command; of what it says only what went wrong.
quiet() {
	shown "$@"
	"$@" >"$story/said" 2>&1 </dev/null && return
	sed 's/^/    /' "$story/said" >&2
	die "that should not have failed"
}

# run COMMAND…: shows the command and what it says.
run() {
	shown "$@"
	"$@" </dev/null 2>&1 | sed 's/^/    /'
}

# ends STATUS COMMAND…: the same for a command that has to end so.
ends() {
	local wanted=$1 status=0
	shift
	run "$@" || status=$?
	[ "$status" -eq "$wanted" ] || die "that should have ended with status $wanted, not $status"
	say "    status $status"
}

# name VARIABLE COMMAND…: the first text of the JSON that the command prints.
name() {
	local variable=$1
	shift
	printf "  \$ %s=\$(%s --format json | cut -d'\"' -f4)\n" "$variable" "$*"
	printf -v "$variable" %s "$("$@" --format json | cut -d'"' -f4)"
}

# customer NAME: as the customer, on a machine of its own.
customer() {
	local license
	quiet hallmark customer add "$1" --code-file "$1.code"
	quiet hallmark license issue "$1" marked/1 trial --reference "$1-1"
	name license hallmark license show "$1-1"
	quiet hallmark --config "$1" enroll "@$1.code" --server "$server" --ca server/certificate.pem --no-passphrase
	quiet hallmark --config "$1" license image "$license" --out "$1.png"
	if [ "$1" = ada ]; then
		ends 3 hallmark --config "$1" unlock "$license" "$1.onnx"
	fi
	quiet hallmark --config "$1" unlock "$license" "$1.onnx" --image "$1.png"
}

vendor() {
	tell "1. A vendor has a trained model, and registers it; the server keeps it sealed. A data set helps" \
		"to mark it and to measure what is left of it."
	printf '  $ hallmark login %s --cacert server/certificate.pem <server/token\n' "$server"
	hallmark login "$server" --cacert server/certificate.pem <server/token >said || die "no login"
	quiet hallmark model add lenet "$tree/tests/data/models/fashion-lenet.onnx"
	quiet hallmark dataset add fashion "$fashion/t10k-images-idx3-ubyte.gz" "$fashion/t10k-labels-idx1-ubyte.gz"
	tell "2. The watermark: the model learns one class more, which pictures of the vendor's alone call up." \
		"This is the quick way, without hardening it against codecs and cameras. The server commits itself to" \
		"the pictures in its audit."
	quiet hallmark model watermark lenet --name marked --dataset fashion --epochs 6 --params '{"plain":true}' --watch
	tell "3. The lock: without a key the released file is of no use, and each key writes its customer's" \
		"mark into the weights."
	quiet hallmark release create marked --dataset fashion --lock sealed --effort none --watch
	quiet hallmark policy add trial --days 30 --image unlock
}

customers() {
	tell "4. Ada gets a license, and a key image, which the server asks to see before it gives a key."
	customer ada
	tell "5. So does Grace."
	customer grace
	tell "6. Grace trains her copy further, on sixty thousand images of her own, and gives it away."
	quiet hallmark-worker --local train '{"epochs":1,"rate":0.01,"threads":2}' grace.onnx \
		"$fashion/train-images-idx3-ubyte.gz" "$fashion/train-labels-idx1-ubyte.gz"
	quiet mv hallmark-worker.out found.onnx
}

verdict() {
	tell "7. The vendor finds the file somewhere. Whose is it, and who had it?"
	quiet hallmark suspect add found.onnx
	ends 0 hallmark verification start found.onnx marked/1 --dataset fashion --wait
	name verification hallmark verification list
	quiet hallmark verification page "$verification" --out evidence.html
	quiet curl -sS --fail --cacert server/certificate.pem -o keys.json "$server/v1/keys"
}

sceptic() {
	tell "8. A sceptic has the page and the vendor's public keys, and needs no server. The signature is" \
		"looked at, and every number of the page is computed again from what was counted."
	ends 0 hallmark verification check evidence.html --keys keys.json
	tell "9. Nobody can put another's name in: Ada's number in the place of Grace's."
	quiet cp evidence.html forged.html
	quiet sed -i 's/"number":2,/"number":1,/' forged.html
	ends 5 hallmark verification check forged.html --keys keys.json
}

# In its folder, with a server that has just been initialised.
story() {
	set -o pipefail
	server=https://localhost:$port
	cd "$story"
	export HOME=$story PATH=$programs:$PATH
	unset HALLMARK_TOKEN_FILE XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME
	tell "In a folder of its own, with a server that ends with this story:"
	printf '  $ cd %s\n  $ export HOME=$PWD PATH=%s:$PATH\n' "$story" "$programs"
	vendor
	customers
	verdict
	sceptic
	say
	say "The evidence, as a page: $story/evidence.html"
}

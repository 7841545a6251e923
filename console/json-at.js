// Where in a JSON text a pointer (RFC 6901) leads: [start, end) in characters, or null. Reads what parses; stops at what does not.

class Reader {
    constructor(text) {
        this.text = text;
        this.at = 0;
    }

    space() {
        while (/\s/.test(this.text[this.at] || "")) this.at++;
    }

    take(char) {
        this.space();
        if (this.text[this.at] !== char) return false;
        this.at++;
        return true;
    }

    string() {
        this.space();
        const found = /^"(?:[^"\\]|\\[\s\S])*"/.exec(this.text.slice(this.at));
        if (!found) throw new SyntaxError("a string was expected");
        this.at += found[0].length;
        return JSON.parse(found[0]);
    }

    scalar() {
        const found = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.+-])/.exec(this.text.slice(this.at));
        if (!found) throw new SyntaxError("a value was expected");
        this.at += found[0].length;
    }

    // Calls back at each value with its path; true stops.
    value(path, found) {
        this.space();
        const start = this.at;
        if (this.text[start] === "{") this.members(path, found);
        else if (this.text[start] === "[") this.items(path, found);
        else if (this.text[start] === '"') this.string();
        else this.scalar();
        found(path, start, this.at);
    }

    members(path, found) {
        this.take("{");
        if (this.take("}")) return;
        do {
            const name = this.string();
            if (!this.take(":")) throw new SyntaxError("':' was expected");
            this.value(`${path}/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`, found);
        } while (this.take(","));
        if (!this.take("}")) throw new SyntaxError("'}' was expected");
    }

    items(path, found) {
        this.take("[");
        if (this.take("]")) return;
        let index = 0;
        do this.value(`${path}/${index++}`, found);
        while (this.take(","));
        if (!this.take("]")) throw new SyntaxError("']' was expected");
    }
}

export function jsonAt(text, pointer) {
    let place = null;
    try {
        new Reader(text).value("", (path, start, end) => {
            if (path === pointer) place = [start, end];
        });
    } catch (error) {
        return place;
    }
    return place;
}

// The line, from 1, of a character.
export function lineOf(text, at) {
    return text.slice(0, at).split("\n").length;
}

// Where reading stops; the end when nothing does.
function stopOf(text) {
    const reader = new Reader(text);
    try {
        reader.value("", () => {});
        reader.space();
    } catch (error) {
        reader.space();
    }
    return reader.at;
}

// {message, at} of the first fault, or null. The words are the engine's, the place is ours: engines leave it out.
export function jsonFault(text) {
    try {
        JSON.parse(text);
        return null;
    } catch (error) {
        return { message: String(error.message), at: stopOf(text) };
    }
}

// The same document over indented lines; unchanged when it is not JSON.
export function pretty(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch (error) {
        return text;
    }
}

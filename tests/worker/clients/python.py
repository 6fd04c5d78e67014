"""LangChain and LlamaIndex, unchanged, against a worker.

In: OPENAI_BASE_URL and OPENAI_API_KEY; out: exit 0, or the first thing that is not as these clients' users expect.
"""

import os

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

QUESTION = "What is the capital of Portugal?"


def langchain() -> None:
    """A chat whole, streamed and in a batch, and embeddings."""
    chat = ChatOpenAI(model="default", stream_usage=True)
    whole = chat.invoke([SystemMessage("Be brief."), HumanMessage(QUESTION)])
    assert "Portugal" in whole.content, whole
    assert whole.usage_metadata["total_tokens"] > 0, whole
    chunks = list(chat.stream(QUESTION))
    assert "Portugal" in "".join(chunk.content for chunk in chunks), chunks
    replies = chat.batch([QUESTION, "What is the capital of Norway?"])
    assert "Norway" in replies[1].content, replies
    embedder = OpenAIEmbeddings(model="all-MiniLM-L6-v2", check_embedding_ctx_length=False)
    assert [len(vector) for vector in embedder.embed_documents(["a", "b"])] == [384, 384]


def llama_index() -> None:
    """A chat whole and streamed."""
    llm = OpenAILike(
        model="default", is_chat_model=True, api_base=os.environ["OPENAI_BASE_URL"], api_key=os.environ["OPENAI_API_KEY"]
    )
    messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=QUESTION)]
    assert "Portugal" in llm.chat(messages).message.content
    pieces = [chunk.delta for chunk in llm.stream_chat(messages)]
    assert "Portugal" in "".join(piece or "" for piece in pieces), pieces
    assert "Portugal" in llm.complete(QUESTION).text


langchain()
print("LangChain: as its users expect")
llama_index()
print("LlamaIndex: as its users expect")
